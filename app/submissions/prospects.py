"""Prospects: what happens next with a submission, and what is asked of its applicant by when; in plain words.

No day that is over is named in them: who reads "by Monday" on Tuesday is told nothing, or something wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from app.catalogue.working_days import NOON
from app.clock import CHINA, day_of
from app.submissions.due_dates import decision_is_over
from app.submissions.notice_words import AT_NOON

_NEXT: Final[Mapping[str, Mapping[str, str]]] = {
    "draft": {"zh": "填好后请提交。", "en": "Fill it in, then submit it."},
    # 行政许可法 第三十二条第一款第四项
    "received": {
        "zh": "部门最迟在{day}告知您是否受理；逾期不告知的，依法视为受理。",
        "en": "The department says by {day} whether it accepts; if it does not, the law counts it as accepted.",
    },
    "correcting": {
        "zh": "请按清单补正，然后再次提交。补正期间办理期限暂停计算。",
        "en": "Please correct what is listed, then submit again. The limit stands still meanwhile.",
    },
    "accepted": {"zh": "部门最迟在{day}作出决定。", "en": "The department decides by {day}."},
    "in_review": {"zh": "部门最迟在{day}作出决定。", "en": "The department decides by {day}."},
    # 第四十五条
    "suspended": {
        "zh": "特别程序所需时间不计入办理期限，结束后继续审查。",
        "en": "The time of the special procedure is not counted; the review goes on after it.",
    },
    # 第四十四条, or what the service has instead
    "approved": {
        "zh": "部门最迟在{day}向您送达结果。",
        "en": "The department delivers the result by {day}.",
    },
    "completed": {"zh": "结果已经做好，请领取。", "en": "Your result is ready: please fetch it."},
    "delivered": {"zh": "已全部办完。", "en": "All is done."},
    # 行政复议法 第二十条, 行政诉讼法 第四十六条
    "declined": {
        "zh": "不服的，可以自收到决定之日起六十日内申请行政复议，或者六个月内提起行政诉讼。",
        "en": "You may ask for administrative review within 60 days of hearing of it, or sue within six months.",
    },
    "refused": {
        "zh": "不服的，可以自收到决定之日起六十日内申请行政复议，或者六个月内提起行政诉讼。",
        "en": "You may ask for administrative review within 60 days of hearing of it, or sue within six months.",
    },
    "withdrawn": {"zh": "申请已经撤回，可以随时重新申请。", "en": "It was withdrawn; you may apply again at any time."},
    "terminated": {"zh": "办理已经终止，理由见办理进度。", "en": "The procedure has ended; the reason stands below."},
}

_DUE: Final = {
    "received": "acceptance_due",
    "accepted": "decision_due",
    "in_review": "decision_due",
    "approved": "delivery_due",
}
"""Which date the words of a state name."""

_UNDECIDED = {
    "zh": "办理期限已过，部门还没有作出决定。系统已提醒部门负责人，仍不处理的提醒监督员。",
    "en": "The limit is over and the department has not decided. Its head was told, and supervisors will be.",
}
_OVER: Final[Mapping[str, Mapping[str, str]]] = {
    # It stands so for a minute, or for as long as a notice may still move the day.
    "received": {
        "zh": "按现有日历，部门告知的期限已过；依法视为受理的，系统会自动记入进度。",
        "en": "By the calendar as it stands the department's days are over; what the law then counts as accepted is"
        " recorded here by itself.",
    },
    "accepted": _UNDECIDED,
    "in_review": _UNDECIDED,
    "approved": {
        "zh": "送达期限已过，结果还没有做好。系统已提醒部门负责人，仍不处理的提醒监督员。",
        "en": "The limit is over and the result is not ready. The department's head was told, and supervisors will be.",
    },
}
"""The same once that date is over."""

_ASKED: Final[Mapping[str, Mapping[str, str]]] = {
    "correct": {"zh": "请补正下列内容", "en": "Please correct what is listed"},
    "promise": {
        "zh": "可以承诺在期限前补交下列材料，承诺后立即受理",
        "en": "You may promise to bring these papers in time, and are accepted at once",
    },
    "bring": {"zh": "请在期限前补交您承诺的材料", "en": "Please bring in time what you promised"},
    "collect": {"zh": "请领取结果", "en": "Please fetch your result"},
}
_ASKED_LATE: Final[Mapping[str, Mapping[str, str]]] = {
    "correct": {"zh": "期限已过，请尽快补正下列内容", "en": "The day is over: please correct soon what is listed"},
    "bring": {"zh": "请尽快补交您承诺的材料", "en": "Please bring soon what you promised"},
}
"""What is still asked for when no day counts any more."""


def next_words(row: Any, at: datetime, language: str) -> str:
    """What happens next, by whom and by when; the dates are those of the submission's row."""
    column = _DUE.get(row.state)
    if column is None:
        return _NEXT[row.state][language]
    due, by_decision = getattr(row, column), column == "decision_due"
    over = decision_is_over(row, at) if by_decision else due < day_of(at)
    words = _OVER if over else _NEXT
    day = AT_NOON[language].format(due) if by_decision and row.decision_noon else due
    return words[row.state][language].format(day=day)


def half_day(at: datetime) -> str:
    """Which half of which day it is in China: for so long the words hold, unless something happens."""
    local = at.astimezone(CHINA)
    return f"{local:%Y%m%d}{'a' if local.time() < NOON else 'p'}"


def asked(
    state: str, events: Sequence[Mapping[str, Any]], language: str, today: date, due: date | None
) -> dict[str, Any] | None:
    """What is asked of the applicant now, with the list and the last day; None when nothing is.

    `events` are the visible ones, oldest first, with `step`, `items` and `until`. `due` is the day that counts now: a
    list that became longer, or a calendar that was corrected, has moved the one that was said; and for what was opened
    again none counts.
    """
    if state == "completed":
        return _ask("collect", [], None, language)
    listed: list[Any] = []
    kind, until = None, None
    for event in events:
        step = event["step"]
        if step in _KINDS:
            # A longer list adds to the one before; whatever else is asked takes its place.
            listed = [*listed, *event["items"]] if step == "add_to_correction" else list(event["items"])
            kind, until = _KINDS[step], event["until"] or until
        elif step in ("refile", "keep_promise"):
            kind, until, listed = None, None, []
    if kind is None or state not in _WHILE[kind]:
        return None
    if kind == "promise":
        return _ask(kind, listed, until, language) if until and until >= today.isoformat() else None
    in_time = due is not None and due >= today
    return _ask(kind, listed, str(due) if in_time else None, language, late=not in_time)


_KINDS: Final = {
    "ask_correction": "correct",
    "add_to_correction": "correct",
    "offer_promise": "promise",
    "promise": "bring",
}
_WHILE: Final = {
    "correct": frozenset({"correcting"}),
    "promise": frozenset({"received"}),
    "bring": frozenset({"accepted", "in_review", "suspended"}),
}


def _ask(kind: str, listed: list[Any], until: str | None, language: str, late: bool = False) -> dict[str, Any]:
    words = _ASKED_LATE if late else _ASKED
    return {"kind": kind, "words": words[kind][language], "items": listed, "until": until}
