"""Activities: the register of what personal data are processed for (PIPL art. 55, 56), made from the code itself.

The platform's own activities come from the columns that are marked personal, those of the services from the purposes
and fields of their published definitions. So nothing can be processed that the register does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, MetaData

from app.catalogue import departments, services
from app.catalogue.services import ServiceVersion
from app.crypto.sealed import personal_columns
from app.database import metadata
from app.people.callers import Clerk
from app.privacy import purposes, retention
from app.privacy.purposes import Purpose
from app.refusals import Refusal

Words = dict[str, str]

_FILE = Path(__file__).parent / "activities.yaml"
_PAGE = 500

# Auditors check what is done; supervisors answer for it.
_READERS = frozenset({"auditor", "supervisor"})


class RegisterNotAllowed(Refusal):
    """This role does not read the register."""


def register_for(connection: Connection, clerk: Clerk) -> list[dict[str, Any]]:
    """The register, for those whose work it is to check it. Raises RegisterNotAllowed."""
    if clerk.role not in _READERS:
        raise RegisterNotAllowed
    return register(connection)


def register(connection: Connection) -> list[dict[str, Any]]:
    """Every processing activity, the platform's own first, in both languages."""
    own = [_platform(activity) for activity in _declared()["activities"]]
    return own + [_of_service(connection, service, purpose) for service, purpose in _published(connection)]


def faults(found: MetaData = metadata) -> list[str]:
    """Personal columns that no activity of the file names, or that several do, and names of columns that are none."""
    marked = {str(column): purpose for column, purpose in personal_columns(found)}
    named = [name for activity in _declared()["activities"] for name in activity["columns"]]
    return (
        [f"{name} says no purpose in English" for name, purpose in marked.items() if not purpose.strip()]
        + [f"{name} belongs to no activity" for name in marked if name not in named]
        + [f"{name} belongs to several activities" for name in sorted(set(named)) if named.count(name) > 1]
        + [f"{name} is no personal column" for name in named if name not in marked]
        + [f"{name} says no purpose in Chinese" for name in named if not _chinese(name).strip()]
    )


@cache
def _declared() -> dict[str, Any]:
    declared: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return declared


def _chinese(column: str) -> str:
    found = (activity["columns"].get(column) for activity in _declared()["activities"])
    return next((str(words) for words in found if words), "")


def _platform(activity: dict[str, Any]) -> dict[str, Any]:
    english = {str(column): purpose for column, purpose in personal_columns(metadata)}
    kinds = [
        {
            "code": name,
            "label": {"zh": words, "en": name},
            "purpose": {"zh": words, "en": english[name]},
            "sensitive": name in activity["sensitive"],
        }
        for name, words in activity["columns"].items()
        if name in english
    ]
    return {
        "code": activity["code"],
        "name": activity["name"],
        "service": None,
        "basis": activity["basis"],
        "required": activity["basis"] != purposes.CONSENT,
        "consents": [],
        "kinds": kinds,
        "recipients": activity["recipients"],
        "storage": list(activity["columns"]),
        "retention": activity["retention"],
        "assessment": _assessment(kinds, activity["recipients"], activity["assessment"]),
    }


def _published(connection: Connection) -> Iterator[tuple[ServiceVersion, Purpose]]:
    after = None
    while page := services.listing(connection, after, _PAGE):
        for service in page:
            for purpose in purposes.of(service):
                yield service, purpose
        after = page[-1].code


def _of_service(connection: Connection, service: ServiceVersion, purpose: Purpose) -> dict[str, Any]:
    shown = ("code", "label", "purpose", "sensitive")
    kinds = [{name: kind[name] for name in shown} for kind in purpose.part["kinds"]]
    recipients = [_name(connection, recipient) for recipient in purpose.part["recipients"]]
    processing = service.definition.get("processing", {})
    record = processing.get("assessment") or _declared()["services"].get(service.code)
    return {
        "code": f"{purpose.notice}-{purpose.code}",
        "name": purpose.name,
        "service": {"code": service.code, "version": service.version},
        "basis": purpose.basis,
        "required": purpose.required,
        "consents": list(purpose.consents),
        "kinds": kinds,
        "recipients": recipients,
        "storage": ["submissions.answers", "uploads.filename"],
        "retention": processing.get("retention") or _kept(service),
        "assessment": _assessment(kinds, recipients, record),
    }


def _name(connection: Connection, recipient: dict[str, Any]) -> Words:
    given: Words | None = recipient["name"]
    return given or {language: departments.name(connection, recipient["code"], language) for language in ("zh", "en")}


def _assessment(kinds: list[dict[str, Any]], recipients: list[Words], record: str | None) -> dict[str, Any]:
    """Whether an impact assessment is needed before this is done, why (PIPL art. 55), and where its record lies."""
    reasons = {"sensitive": any(kind["sensitive"] for kind in kinds), "sharing": bool(recipients)}
    because = [reason for reason, is_so in reasons.items() if is_so]
    return {"needed": bool(because), "because": because, "record": record}


def _kept(service: ServiceVersion) -> Words:
    filed = retention.told(service.definition)
    return {"zh": f"草稿90天；{filed['zh']}", "en": f"Drafts 90 days. {filed['en']}"}


def as_markdown(activities: list[dict[str, Any]], language: str) -> str:
    """The register as a table for people, in one language."""
    head, words = _HEADS[language], _TABLE_WORDS[language]
    lines = [f"# {words['title']}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(one, language, words))} |" for one in activities)]) + "\n"


def _cells(activity: dict[str, Any], language: str, words: dict[str, str]) -> Iterator[str]:
    comma = words["comma"]
    marked = [_kind(kind, language, words) for kind in activity["kinds"]]
    assessment = activity["assessment"]
    yield activity["name"][language].replace("|", "/")
    yield words[activity["basis"]]
    yield comma.join(marked).replace("|", "/")
    yield comma.join(recipient[language] for recipient in activity["recipients"]) or words["nobody"]
    yield activity["retention"][language]
    yield (assessment["record"] or words["missing"]) if assessment["needed"] else words["no"]


def _kind(kind: dict[str, Any], language: str, words: dict[str, str]) -> str:
    """`银行卡号（敏感）：发放津贴`; of a column only its purpose, because its name is no word."""
    label, purpose = kind["label"][language], kind["purpose"].get(language, "")
    star = words["sensitive"] if kind["sensitive"] else ""
    return f"{label}{star}" if purpose == label else f"{label}{star}{words['colon']}{purpose}"


_HEADS = {
    "zh": ("处理活动", "法律依据", "个人信息种类和目的", "接收方", "保存期限", "影响评估记录"),
    "en": ("Activity", "Legal basis", "Kinds of data and purposes", "Recipients", "Retention", "Impact assessment"),
}
_TABLE_WORDS = {
    "zh": {
        "title": "个人信息处理活动登记表",
        "comma": "；",
        "colon": "：",
        "sensitive": "（敏感）",
        "nobody": "无",
        "no": "不需要",
        "missing": "**缺少**",
        "consent": "同意（第13条第1项）",
        "contract": "合同（第13条第2项）",
        "statutory_duty": "法定职责（第13条第3项）",
        "emergency": "紧急情况（第13条第4项）",
        "public_interest": "公共利益（第13条第5项）",
        "already_public": "已公开（第13条第6项）",
    },
    "en": {
        "title": "Register of processing activities",
        "comma": "; ",
        "colon": ": ",
        "sensitive": " (sensitive)",
        "nobody": "nobody",
        "no": "not needed",
        "missing": "**missing**",
        "consent": "consent (art. 13(1))",
        "contract": "contract (art. 13(2))",
        "statutory_duty": "statutory duty (art. 13(3))",
        "emergency": "emergency (art. 13(4))",
        "public_interest": "public interest (art. 13(5))",
        "already_public": "public already (art. 13(6))",
    },
}
