"""The words of notices (通知书), filled in. The templates are `notice_words.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_FILE = Path(__file__).with_suffix(".yaml")
LANGUAGES: Final = ("zh", "en")

Words = Mapping[str, str]

PROVISIONAL: Final[Words] = {
    "zh": "（暂定，以次年放假安排公布后为准）",
    "en": " (provisional until next year's holidays are published)",
}


AT_NOON: Final[Words] = {"zh": "{}中午12时", "en": "noon of {}"}
"""When a limit in half days ends on its last day."""

BY: Final[Words] = {"zh": "依照", "en": "by"}
BY_ANALOGY: Final[Words] = {"zh": "参照", "en": "by analogy with"}
"""行政许可法 is the law of licences (第二、三条); everything else only follows its example."""

HEAD: Final[Words] = {"zh": "本机关负责人", "en": "the head of the department"}
GOVERNMENT: Final[Words] = {"zh": "本级人民政府负责人", "en": "the head of the government"}
"""行政许可法 第四十二条第一、二款: who approves an extension."""


@dataclass(frozen=True)
class Template:
    """One kind of notice. `series` is what its number is counted in."""

    series: str
    title: Words
    text: Words
    has_remedies: bool


@dataclass(frozen=True)
class Facts:
    """What the text of a notice may tell; dates that do not matter to its kind may be None. `noon` is that of the
    decision: a limit in half days."""

    department: Words
    service: Words
    reference: str
    received: date
    decision_due: date | None
    due_provisional: bool
    until: date | None
    days: int | None
    kind: Words
    document: str | None
    licence: bool
    joint: bool
    noon: bool = False


@cache
def _read() -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return words


@cache
def templates() -> dict[str, Template]:
    """Every kind of notice."""
    return {
        kind: Template(one["series"], one["title"], one["text"], one.get("remedies", False))
        for kind, one in _read()["kinds"].items()
    }


def text(template: Template, facts: Facts) -> dict[str, str]:
    """The text in both languages."""
    return {language: template.text[language].format(**_places(facts, language)) for language in LANGUAGES}


def remedies(department: Mapping[str, Any]) -> dict[str, str]:
    """What can be done against a decision of this department, whose details are given."""
    words = _read()["remedies"]
    authority = department.get("review_authority") or words["authority"]
    channel = department.get("review_channel") or words["channel"]
    return {
        language: words[language].format(authority=authority[language], channel=channel[language])
        for language in LANGUAGES
    }


def day(shown: date | None, language: str) -> str:
    """`2026年11月22日`, or an ISO date in English; empty without one."""
    if shown is None:
        return ""
    return f"{shown.year}年{shown.month}月{shown.day}日" if language == "zh" else shown.isoformat()


def _places(facts: Facts, language: str) -> dict[str, Any]:
    due = (AT_NOON[language] if facts.noon else "{}").format(day(facts.decision_due, language))
    due += PROVISIONAL[language] if facts.due_provisional else ""
    return {
        "department": facts.department[language],
        "service": facts.service[language],
        "reference": facts.reference,
        "received": day(facts.received, language),
        "decision_due": due,
        "until": day(facts.until, language),
        "days": facts.days,
        "kind": facts.kind.get(language, ""),
        "document": facts.document or "",
        "by": (BY if facts.licence else BY_ANALOGY)[language],
        "head": (GOVERNMENT if facts.joint else HEAD)[language],
    }
