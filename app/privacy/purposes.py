"""Purposes: what personal data are processed for, which kinds, on which legal basis, and who else receives them.

A purpose is part of a notice. Where its basis is consent, the person is asked; where it is a statutory duty, the
person is told and not asked (PIPL art. 13(3), 35).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import rfc8785

from app.catalogue.expressions import SITUATIONS
from app.catalogue.forms import Field
from app.catalogue.services import ServiceVersion

Words = dict[str, str]

CONSENT = "consent"
BASES = (CONSENT, "contract", "statutory_duty", "emergency", "public_interest", "already_public")
"""PIPL art. 13(1) to (6), in its order."""

PROCESSING, SENSITIVE, SHARING = KINDS_OF_CONSENT = ("processing", "sensitive", "sharing")
"""Consent to plain data (art. 14), and the two that are asked for separately: to sensitive data (art. 29) and to
giving data to another handler (art. 23)."""

HANDLING = "handling"
"""The purpose of a service that takes every field which no other purpose of its definition takes."""


@dataclass(frozen=True)
class Purpose:
    """One purpose of a notice. `part` is how the notice says it, as data."""

    notice: str
    part: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.part["code"])

    @property
    def name(self) -> Words:
        words: Words = self.part["name"]
        return words

    @property
    def basis(self) -> str:
        return str(self.part["basis"])

    @property
    def required(self) -> bool:
        """Whether the service cannot be given without it (PIPL art. 16)."""
        return bool(self.part["required"])

    @property
    def fields(self) -> frozenset[str]:
        """The fields of the form that this purpose takes."""
        return frozenset(kind["code"] for kind in self.part["kinds"] if kind["source"] == "form")

    @property
    def sensitive(self) -> list[str]:
        return [kind["code"] for kind in self.part["kinds"] if kind["sensitive"]]

    @cached_property
    def consents(self) -> tuple[str, ...]:
        """The consents that a person is asked for, each of them an act of its own; none on another basis."""
        if self.basis != CONSENT:
            return ()
        plain = len(self.sensitive) < len(self.part["kinds"])
        asked = {PROCESSING: plain, SENSITIVE: bool(self.sensitive), SHARING: bool(self.part["recipients"])}
        return tuple(kind for kind in KINDS_OF_CONSENT if asked[kind])

    @cached_property
    def scope(self) -> str:
        """SHA-256, in hex, of what a consent to this purpose covers.

        Another purpose, kind of data, way of processing or recipient gives another scope, so a new consent is
        asked for (PIPL art. 14); other words elsewhere in the notice do not.
        """
        kinds = sorted((kind["code"], kind["source"], kind["sensitive"]) for kind in self.part["kinds"])
        content = {
            "notice": self.notice,
            "purpose": self.code,
            "name": self.name,
            "method": self.part["method"],
            "kinds": [list(kind) for kind in kinds],
            "recipients": sorted(recipient["code"] for recipient in self.part["recipients"]),
        }
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def notice_code(service_code: str) -> str:
    """The code of a service's own notice."""
    return f"service-{service_code}"


def of(service: ServiceVersion) -> tuple[Purpose, ...]:
    """What a service processes for: the handling first, then what its definition sets apart. From memory."""
    return _of(_Known(service))


def in_notice(code: str, content: dict[str, Any]) -> tuple[Purpose, ...]:
    """The purposes that the content of a notice tells."""
    return tuple(Purpose(code, part) for part in content["purposes"])


def faults(service: ServiceVersion) -> list[str]:
    """What a definition leaves unsaid or says wrong, in words for whoever writes it; empty when all is well."""
    found = [
        f"{service.code}: the {kind['source']} field {kind['code']} says no purpose in {language}"
        for purpose in of(service)
        for kind in purpose.part["kinds"]
        for language in ("zh", "en")
        if not kind["purpose"].get(language, "").strip()
    ]
    processing = _processing(service.definition)
    properties = {field.path for field in service.form.fields()}
    for purpose in processing["purposes"]:
        found += [
            f"{service.code}: {purpose['code']} takes {name}, which the form has not"
            for name in sorted(set(purpose["fields"]) - properties)
        ]
    wrong = {purpose.basis for purpose in of(service)} - set(BASES)
    return found + [f"{service.code}: {basis} is no legal basis of PIPL art. 13" for basis in sorted(wrong)]


class _Known:
    """A version as a cache key: versions are immutable, so their code and number say it all."""

    def __init__(self, service: ServiceVersion) -> None:
        self.service = service

    def __hash__(self) -> int:
        return hash((self.service.code, self.service.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.service is other.service


@lru_cache(maxsize=2048)
def _of(known: _Known) -> tuple[Purpose, ...]:
    service = known.service
    notice = notice_code(service.code)
    apart = [_apart(service, purpose) for purpose in _processing(service.definition)["purposes"]]
    return tuple(Purpose(notice, part) for part in (_handling(service), *apart))


def _processing(definition: dict[str, Any]) -> dict[str, Any]:
    """The optional key `processing` of a definition, with what it leaves out."""
    return {"basis": "statutory_duty", "notice": "offered", "purposes": [], **definition.get("processing", {})}


def notice_required(service: ServiceVersion) -> bool:
    """Whether nobody may file before the notice was shown; else it is offered, and recorded when it was."""
    return bool(_processing(service.definition)["notice"] == "required")


def _handling(service: ServiceVersion) -> dict[str, Any]:
    processing = _processing(service.definition)
    elsewhere = {name for purpose in processing["purposes"] for name in purpose["fields"]}
    left = [field for field in service.form.fields() if _top(field) not in elsewhere]
    return {
        "code": HANDLING,
        "name": {
            "zh": f"办理“{service.name('zh')}”",
            "en": f"To handle the application “{service.name('en')}”",
        },
        "basis": processing["basis"],
        "required": True,
        "method": _METHOD,
        "kinds": [*_FROM_LOGIN, *map(_kind, left), *_files(service)],
        "recipients": [{"code": service.department_code, "name": None}],
        "after_withdrawal": _AFTER_WITHDRAWAL,
    }


def _apart(service: ServiceVersion, purpose: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": purpose["code"],
        "name": purpose["name"],
        "basis": purpose["basis"],
        "required": purpose.get("required", False),
        "method": purpose.get("method", _METHOD),
        "kinds": [_kind(field) for field in service.form.fields() if _top(field) in purpose["fields"]],
        "recipients": purpose.get("recipients", []),
        "after_withdrawal": purpose.get("after_withdrawal", _AFTER_WITHDRAWAL),
    }


def _top(field: Field) -> str:
    """The answer that a purpose of its own names; it takes a group with everything in it."""
    group, slash, _ = field.path.partition("/")
    return group if slash and group != SITUATIONS else field.path


def _kind(field: Field) -> dict[str, Any]:
    return {
        "code": field.path,
        "source": "form",
        "label": dict(field.label),
        "purpose": dict(field.purpose),
        "sensitive": field.sensitive,
    }


def _files(service: ServiceVersion) -> list[dict[str, Any]]:
    return [
        {
            "code": material["code"],
            "source": "material",
            "label": material["name"],
            "purpose": material.get("purpose") or _TO_CHECK,
            "sensitive": bool(material.get("sensitive", False)),
        }
        for material in service.definition["materials"]
    ] + ([_SIGNATURE] if service.needs_signature else [])


_METHOD = {
    "zh": "收集、加密存储、按表单规则自动核对格式、交给办理部门、在手机上显示进度和结果；不作自动化决策，不用于广告",
    "en": (
        "Collected, stored encrypted, checked against the form's rules by machine, given to the office in charge, shown"
        " on your phone with progress and result; no automated decisions, no advertising"
    ),
}
_AFTER_WITHDRAWAL = {
    "zh": "撤回后立即停止这项处理；撤回以前已经进行的处理仍然有效。",
    "en": "Processing for this stops at once; what was done before you withdrew stays valid.",
}
_TO_CHECK = {"zh": "核对是否符合办理条件", "en": "To check that the conditions of the service are met"}
_SIGNATURE = {
    "code": "signature",
    "source": "material",
    "label": {"zh": "手写签名", "en": "Handwritten signature"},
    "purpose": {
        "zh": "证明申请出自您本人，内容没有被改动",
        "en": "To prove that the application is yours and unaltered",
    },
    "sensitive": False,
}
_FROM_LOGIN: list[dict[str, Any]] = [
    {
        "code": code,
        "source": "login",
        "label": {"zh": label_zh, "en": label_en},
        "purpose": {"zh": purpose_zh, "en": purpose_en},
        "sensitive": sensitive,
    }
    for code, sensitive, label_zh, label_en, purpose_zh, purpose_en in (
        ("name", False, "姓名", "Name", "写明申请人是谁", "To name the applicant"),
        (
            "document_number",
            True,
            "证件类型和号码",
            "Type and number of the identity document",
            "办理部门据此认定申请人，同名同姓的人不会弄混；没有它无法办理",
            "So that the office knows for certain who applies; people share names, so it cannot do without",
        ),
        ("phone", False, "手机号", "Mobile number", "办理中有问题时联系您", "To reach you if a question comes up"),
    )
]
