"""Retention: how long a finished submission is kept, as a pure function of its class and the day it was completed.

The classes are those of 机关文件材料归档范围和文书档案保管期限规定 (国家档案局令第8号, 2006) 第六条: permanent, or
30 or 10 years; 5 years where a rule of the trade says so; and `short` for look-ups, which make no archives
(第四条第一项) and are kept no longer than needed (个人信息保护法 第十九条). Everything else that ends by time has
its span here too.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.clock import day_of


@dataclass(frozen=True)
class Retention:
    """One class: whole years after the year of completion, or months to the day; neither means for ever."""

    name: str
    zh: str
    en: str
    law: str
    years: int | None = None
    months: int | None = None

    def words(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


_ARCHIVES = "机关文件材料归档范围和文书档案保管期限规定（国家档案局令第8号）"

CLASSES: Final[Mapping[str, Retention]] = {
    kind.name: kind
    for kind in (
        Retention("permanent", "永久", "for ever", f"{_ARCHIVES}第六条、第七条"),
        Retention("years_30", "30年", "30 years", f"{_ARCHIVES}第六条、第八条", years=30),
        Retention("years_10", "10年", "10 years", f"{_ARCHIVES}第六条、第八条", years=10),
        Retention("years_5", "5年", "5 years", "该事项的行业规定", years=5),
        Retention("short", "6个月", "6 months", "个人信息保护法第十九条", months=6),
    )
}

STANDARD: Final = "years_10"
"""What a definition without `retention` gets."""

AUDIT: Final = timedelta(days=3 * 366)
"""Records of what staff did: at least six months (网络安全法 第二十三条第三项); three years, like the reports that
个人信息保护法 第五十六条 wants kept so long."""

DRAFT_WARNING: Final = timedelta(days=7)
"""A draft is erased this long after its warning at the earliest."""


class RetentionUnknown(ValueError):
    """A service names a class that does not exist; nothing of it is ever purged until that is mended."""


def of(definition: Mapping[str, Any]) -> Retention:
    """The class of a service version's definition. Raises RetentionUnknown."""
    name = definition.get("retention", {}).get("class", STANDARD)
    if name not in CLASSES:
        raise RetentionUnknown(f"{definition.get('code')}: no retention class is called {name!r}")
    return CLASSES[name]


def told(definition: Mapping[str, Any]) -> dict[str, str]:
    """How long a filed application is kept, in both languages. Raises RetentionUnknown.

    What the definition says in its own words comes last.
    """
    kind = of(definition)
    own: Mapping[str, str] = definition.get("retention", {}).get("basis") or {"zh": "", "en": ""}
    span = {language: kind.words(language) for language in ("zh", "en")}
    if kind.years is not None:
        since = {"zh": "从办结的下一年1月1日算起", "en": "from 1 January after the year in which it ended"}
    elif kind.months is not None:
        since = {"zh": "从办结那天算起", "en": "from the day on which it ended"}
    else:
        since = {"zh": "作为永久档案", "en": "as permanent archives"}
    return {
        "zh": f"提交以后的申请保存{span['zh']}，{since['zh']}（{kind.law}）。{own['zh']}",
        "en": f"A filed application is kept {_for(span['en'])}, {since['en']}. {own['en']}".rstrip(),
    }


def _for(span: str) -> str:
    return span if span.startswith("for") else f"for {span}"


def kept_until(kind: Retention, completed_at: datetime) -> date | None:
    """The last day on which the submission is kept; None for ever.

    Years count from 1 January after the year of completion, in China's calendar, as archives are filed by the year:
    completed on 1 January or on 31 December 2026, ten years end on 31 December 2036.
    """
    day = day_of(completed_at)
    if kind.years is not None:
        return date(day.year + kind.years, 12, 31)
    return None if kind.months is None else _months_later(day, kind.months)


def last_completion_day(kind: Retention, today: date) -> date | None:
    """The latest day of completion whose retention has ended by today: the other way round of `kept_until`."""
    if kind.years is not None:
        return date(today.year - kind.years - 1, 12, 31)
    if kind.months is None:
        return None
    day = _months_later(today, -kind.months)
    # Months differ in length, so the neighbours are asked: what counts is `kept_until`.
    candidates = (day + timedelta(days=shift) for shift in range(3, -4, -1))
    return next(found for found in candidates if _months_later(found, kind.months) < today)


def _months_later(day: date, months: int) -> date:
    """The same day of another month, or its last day when it is shorter (民法典 第二百零二条)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
