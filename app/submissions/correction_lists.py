"""Correction lists (补正): what a department may ask to be corrected or brought, how often, and by when.

行政许可法 第三十二条第一款第四项: 申请材料不齐全或者不符合法定形式的，应当当场或者在五日内一次告知申请人
需要补正的全部内容. Once means one list a round: the step table lets a list be made in `received` only, and a new round
begins by filing again.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from app.catalogue.editions import Limit
from app.catalogue.working_days import Calendar, add_calendar_days, add_working_days
from app.refusals import Refusal
from app.submissions import steps
from app.submissions.history import Actor, Given, Item
from app.submissions.limits import WORKING
from app.submissions.moments import Moment, Past

LEAST_TIME: Final = 3
"""Working days that somebody has at least to correct or bring something. No law says how many; fewer help nobody."""

MOST_TIME: Final = timedelta(days=366)
"""A clock that stands still for longer stands still for good."""

LISTS: Final = ("ask_correction", "add_to_correction")

_OUTSIDE = {
    "zh": "办事指南中没有这一项，不得要求",
    "en": "The guide of the service has no such thing, so it may not be asked for.",
}
_NEW = {
    "zh": "以前的清单中没有这一项，只有监督员说明理由才能增加",
    "en": "No earlier list had this: only a supervisor may add it, with a reason.",
}
_REPEATED = {"zh": "清单中已有这一项", "en": "The list has this already."}
_DAY = {
    "zh": f"应为至少{LEAST_TIME}个工作日以后、一年以内的工作日",
    "en": f"This must be a working day, at least {LEAST_TIME} working days from now and within a year.",
}
_GUIDES_DAY = {
    "zh": "不得晚于办事指南规定的容缺期限",
    "en": "This is later than the guide of the service lets these papers be brought.",
}
_NEEDED = {"zh": "必须填写", "en": "This is needed."}


class OutsideTheGuide(Refusal):
    """Something is asked for that the published guide of the service does not have: `errors` names it.

    安阳市政务服务条例 第二十三条: nothing may be asked for that is not in the guide.
    """


class ListComplete(Refusal):
    """The one list of this submission was made: `errors` names what is new, which only a supervisor may add."""


class DayUnfit(Refusal):
    """The day by which something must be done is past, too near, or a day off."""


class ReasonRequired(Refusal):
    """A supervisor who lets something be asked for late says why; it is recorded."""


def said(words: dict[str, str]) -> list[str]:
    """Words in both languages as one message of `errors`."""
    return [f"{words['zh']} {words['en']}"]


def check(moment: Moment, actor: Actor, given: Given) -> None:
    """What `ask_correction` asks. Raises OutsideTheGuide, ListComplete, ReasonRequired, DayUnfit."""
    check_pointers(moment, given.items)
    earlier = frozenset[str]().union(*(event.pointers for event in moment.steps(*LISTS)))
    if moment.steps("refile"):
        new = [place for place, item in enumerate(given.items) if item.pointer not in earlier]
        if new and actor.role != steps.SUPERVISOR:
            raise ListComplete(errors={f"/items/{place}": said(_NEW) for place in new})
    if actor.role == steps.SUPERVISOR:
        _require_reason(given)
    assert given.until is not None, "the step table needs a day"
    check_day(moment.calendar, moment.day, given.until)


def check_addition(moment: Moment, actor: Actor, given: Given) -> None:
    """What `add_to_correction` adds: new things, and time enough to do them.

    Without `until` the day of the list stands. Raises OutsideTheGuide, ListComplete (it is there already), DayUnfit.
    """
    check_pointers(moment, given.items)
    asked = of_this_round(moment)
    listed = frozenset[str]().union(*(event.pointers for event in asked))
    repeated = [place for place, item in enumerate(given.items) if item.pointer in listed]
    if repeated:
        raise ListComplete(errors={f"/items/{place}": said(_REPEATED) for place in repeated})
    standing = [event.until for event in asked if event.until is not None]
    if given.until is not None and standing and given.until < standing[-1]:
        raise DayUnfit(errors={"/until": said(_DAY)})
    until = given.until or (standing[-1] if standing else None)
    if until is None:
        raise DayUnfit(errors={"/until": said(_NEEDED)})
    check_day(moment.calendar, moment.day, until)


def check_offer(moment: Moment, actor: Actor, given: Given) -> None:
    """What `offer_promise` lets an applicant bring later: secondary materials of the guide, and nothing else.

    安阳市政务服务条例 第二十四条. What the guide gives everybody nobody is given more of. Raises OutsideTheGuide,
    DayUnfit.
    """
    materials = moment.service.materials.items()
    secondary = {f"/materials/{code}": one.conditional for code, one in materials if one.conditional is not None}
    outside = [place for place, item in enumerate(given.items) if item.pointer not in secondary]
    if outside:
        raise OutsideTheGuide(errors={f"/items/{place}": said(_OUTSIDE) for place in outside})
    assert given.until is not None, "the step table needs a day"
    check_day(moment.calendar, moment.day, given.until)
    if given.until > min(_end(moment, secondary[item.pointer]) for item in given.items):
        raise DayUnfit(errors={"/until": said(_GUIDES_DAY)})


def _end(moment: Moment, limit: Limit) -> date:
    """The last day that the guide gives, if it is promised today; no guide gives less than what helps."""
    calendar, today = moment.calendar, moment.day
    if limit.unit == WORKING:
        guides = add_working_days(calendar, today, limit.value)
    else:
        guides = add_calendar_days(calendar, today, int(limit.value))
    return max(guides.date, add_working_days(calendar, today, LEAST_TIME).date)


def check_pointers(moment: Moment, items: tuple[Item, ...]) -> None:
    """Raises OutsideTheGuide for what the service version has not: a field of its form, a material, its signature."""
    fields = frozenset(moment.service.definition["form"]["schema"].get("properties", {}))
    materials = moment.service.materials
    outside = [place for place, item in enumerate(items) if not _known(item.pointer, fields, frozenset(materials))]
    if outside:
        raise OutsideTheGuide(errors={f"/items/{place}": said(_OUTSIDE) for place in outside})


def check_day(calendar: Calendar, today: date, until: date) -> None:
    """Raises DayUnfit unless `until` is a working day, from LEAST_TIME to MOST_TIME after `today`."""
    earliest = add_working_days(calendar, today, LEAST_TIME).date
    if not calendar.is_working_day(until) or not earliest <= until <= today + MOST_TIME:
        raise DayUnfit(errors={"/until": said(_DAY)})


def _known(pointer: str, fields: frozenset[str], materials: frozenset[str]) -> bool:
    """`/answers/<field>`, with what lies inside, `/materials/<code>`, or `/signature`, as RFC 6901 writes them."""
    if pointer == "/signature":
        return "signature" in materials
    _, _, rest = pointer.partition("/")
    kind, _, name = rest.partition("/")
    if kind == "materials":
        return name in materials
    field = name.split("/", 1)[0].replace("~1", "/").replace("~0", "~")
    return pointer.startswith("/answers/") and field in fields


def of_this_round(moment: Moment) -> tuple[Past, ...]:
    """The lists since it was filed last."""
    begun = max((event.number for event in moment.steps("refile")), default=0)
    return tuple(event for event in moment.steps(*LISTS) if event.number > begun)


def _require_reason(given: Given) -> None:
    if not (given.reason or "").strip():
        raise ReasonRequired(errors={"/reason": said(_NEEDED)})
