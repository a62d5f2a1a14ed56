"""The rules of steps beyond their table: which noun's rule each step must pass. The rules stand with their nouns.

Those of `STANDING` look at what was done before, so they tell what may be done now; those of `CONTENT` look at what
comes with the step as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from app.refusals import Refusal
from app.submissions import acceptances, commitments, correction_lists, extensions, promises, steps
from app.submissions.history import Actor, Given
from app.submissions.moments import Moment

StandingRule = Callable[[Moment, Actor], None]
ContentRule = Callable[[Moment, Actor, Given], None]

STANDING: Final[Mapping[str, tuple[StandingRule, ...]]] = {
    **dict.fromkeys(("accept", "decline", "ask_correction", "offer_promise", "promise"), (acceptances.still_open,)),
    "ask_extension": (extensions.allowed,),
    "extend": (extensions.allowed, extensions.by_a_second_person),
    "keep_promise": (promises.stands,),
    "approve_on_promise": (commitments.stands,),
    "check_promise": (commitments.was_decided_on,),
}

CONTENT: Final[Mapping[str, tuple[ContentRule, ...]]] = {
    "ask_correction": (correction_lists.check,),
    "add_to_correction": (correction_lists.check_addition,),
    "offer_promise": (correction_lists.check_offer,),
    "ask_extension": (extensions.check,),
    "extend": (extensions.check, extensions.check_approval),
}

REFUSALS: Final = (
    acceptances.AcceptedByLaw,
    *(correction_lists.OutsideTheGuide, correction_lists.ListComplete),
    *(correction_lists.DayUnfit, correction_lists.ReasonRequired),
    *(extensions.ExtensionNotAllowed, extensions.ExtensionTooLong),
    *(extensions.ApprovalRequired, extensions.OwnExtension),
    *(commitments.CommitmentNotAllowed, commitments.CommitmentMissing, commitments.NotDecidedOnCommitment),
    promises.NothingPromised,
)
"""Whatever a rule above may answer."""

_SKEW: Final = timedelta(seconds=5)
"""How far the clocks of two of our machines may be apart."""


class StepInThePast(Refusal):
    """A step is said to have been taken before the last one, which stands at `last`."""


def check(name: str, moment: Moment, actor: Actor, given: Given) -> None:
    """Raises whatever refusal a rule of this step makes."""
    for standing in STANDING.get(name, ()):
        standing(moment, actor)
    for content in CONTENT.get(name, ()):
        content(moment, actor, given)


def legal(moment: Moment, actor: Actor) -> tuple[str, ...]:
    """The names of the steps that this actor could take now if they gave what each needs, in the order of the table."""
    return tuple(name for name in steps.legal(moment.row.state, actor.role) if _stands(name, moment, actor))


def _stands(name: str, moment: Moment, actor: Actor) -> bool:
    try:
        for rule in STANDING.get(name, ()):
            rule(moment, actor)
    except Refusal:
        return False
    return True


def time_of(moment: Moment) -> datetime:
    """When the step counts as taken: never before the last one. Raises StepInThePast.

    Machines' clocks differ by moments, so a step that is earlier by so little is taken at the last one's time.
    """
    if not moment.past:
        return moment.at
    last = max(event.at for event in moment.past)
    if moment.at < last - _SKEW:
        raise StepInThePast(last=last)
    return max(moment.at, last)
