"""Extensions (延期): when a decision may take longer, by how much, and who says so.

行政许可法 第四十二条: 二十日内不能作出决定的，经本行政机关负责人批准，可以延长十日，并应当将延长期限的理由
告知申请人. What several departments handle together: 四十五日内不能办结的，经本级人民政府负责人批准，可以延长十五日.
How long is said in `limits.py`.
"""

from __future__ import annotations

from typing import Final

from app.refusals import Refusal
from app.submissions import due_dates, limits
from app.submissions.correction_lists import said
from app.submissions.history import Actor, Given
from app.submissions.moments import Moment

_TOO_LONG = {
    "zh": "最多延长{}个工作日",
    "en": "At most {} working days.",
}
_GOVERNMENT = {
    "zh": "联合办理的延期须经本级人民政府负责人批准，请填写批准文号",
    "en": "Of a joint procedure the government approves the extension: give the number of its approval.",
}

EXTENDED: Final = "extended_before"
ON_THE_SPOT: Final = "on_the_spot"
OVERDUE: Final = "overdue"


class ExtensionNotAllowed(Refusal):
    """No extension now: `why` is `extended_before`, `on_the_spot` (nothing to extend) or `overdue` (too late)."""


class ExtensionTooLong(Refusal):
    """More days than the law has; `errors` says how many it has."""


class ApprovalRequired(Refusal):
    """A joint procedure is extended by the government's approval, which has a number."""


class OwnExtension(Refusal):
    """Whoever asked for an extension does not approve it: 负责人批准 is a second person's."""


def allowed(moment: Moment, actor: Actor) -> None:
    """Whether the limit may still be extended: once, before it is over. Raises ExtensionNotAllowed.

    What was opened again has a limit of its own, which may be extended once, too.
    """
    if moment.service.on_the_spot:
        raise ExtensionNotAllowed(why=ON_THE_SPOT)
    if [event.step for event in moment.steps("extend", "reopen")][-1:] == ["extend"]:
        raise ExtensionNotAllowed(why=EXTENDED)
    if due_dates.decision_is_over(moment.row, moment.at):
        raise ExtensionNotAllowed(why=OVERDUE)


def by_a_second_person(moment: Moment, actor: Actor) -> None:
    """Raises OwnExtension for the very person who asked, whatever their role is by now."""
    if actor.id is not None and any(event.actor_id == actor.id for event in moment.steps("ask_extension")):
        raise OwnExtension


def check(moment: Moment, actor: Actor, given: Given) -> None:
    """Raises ExtensionTooLong."""
    longest = limits.longest_extension(moment.service)
    if given.days is None or given.days > longest:
        raise ExtensionTooLong(errors={"/days": [said(_TOO_LONG)[0].replace("{}", str(longest))]})


def check_approval(moment: Moment, actor: Actor, given: Given) -> None:
    """Raises ApprovalRequired for a joint procedure without the government's paper."""
    if moment.service.joint and not (given.document or "").strip():
        raise ApprovalRequired(errors={"/document": said(_GOVERNMENT)})
