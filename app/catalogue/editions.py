"""Editions: what one published version of a service says, typed. The shape is `definition.schema.yaml`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from app.catalogue.codes import MOBILE_CHANNEL
from app.catalogue.forms import Form

ON_THE_SPOT = 1
PROMISED = 2
"""Case types of GB/T 39046-2020, table A.6."""

LICENCE = "01"
"""行政许可, the item type of table A.1 that 行政许可法 is about."""

RETENTION_YEARS: dict[str, int | None] = {"permanent": None, "years_30": 30, "years_10": 10, "years_5": 5, "short": 1}
"""How long the file of a finished submission is kept, by class; None is for ever."""


@dataclass(frozen=True)
class Limit:
    """A number of working days, in steps of a half, or of calendar days."""

    value: float
    unit: str


@dataclass(frozen=True)
class Material:
    """One document that a service asks for. `accept` are media types, `max_bytes` is per file.

    `needed_when` is the condition under which it is asked for, None meaning always; `conditional` is how long after
    acceptance a secondary one may still come (容缺受理).
    """

    code: str
    name: dict[str, str]
    required: bool
    accept: tuple[str, ...]
    max_bytes: int
    copies: int
    needed_when: Mapping[str, Any] | None = None
    conditional: Limit | None = None
    max_files: int = 1
    reusable: bool = False


SIGNATURE = Material(
    "signature",
    {"zh": "手写签名", "en": "Handwritten signature"},
    False,
    ("image/png", "image/jpeg"),
    1024 * 1024,
    1,
)
"""A drawn signature travels as an upload too, whatever the service."""


@dataclass(frozen=True)
class Situation:
    """A question that decides what else is asked (情形); `values` are the codes of its options."""

    code: str
    question: dict[str, str]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Guardian:
    """Whom a guardian acts for: applicants under `below_age`, who agree themselves from `both_agree_from_age` on."""

    below_age: int
    both_agree_from_age: int | None


@dataclass(frozen=True)
class Child:
    """The part of a joint service (一件事) that one department decides. `after` names the parts it waits for."""

    code: str
    name: dict[str, str]
    department_code: str
    connector: str
    limits: dict[str, Any]
    materials: tuple[str, ...]
    fields: tuple[str, ...]
    after: tuple[str, ...]
    when: Mapping[str, Any] | None


@dataclass(frozen=True)
class ServiceVersion:
    """One immutable edition of a service. `definition` is the whole published file, as data."""

    code: str
    version: int
    definition: dict[str, Any] = field(repr=False)

    @property
    def department_code(self) -> str:
        return str(self.definition["department"])

    @property
    def region_code(self) -> str:
        return str(self.definition["region"])

    @property
    def connector(self) -> str:
        """The name of the file in `approvals/connectors/` that speaks the office's language."""
        return str(self.definition["connector"])

    @property
    def on_the_spot(self) -> bool:
        return bool(self.definition["case_type"] == ON_THE_SPOT)

    @property
    def on_the_phone(self) -> bool:
        """Whether it can be applied for here at all, or only read about."""
        return MOBILE_CHANNEL in self.definition["channels"] and self.automatic is None

    @property
    def needs_signature(self) -> bool:
        return bool(self.definition["signature"])

    @property
    def identity_level(self) -> int:
        return int(self.definition["identity"]["level"])

    @property
    def identity_freshness(self) -> timedelta:
        """How long ago the resident may have logged in when filing or signing."""
        return timedelta(minutes=self.definition["identity"]["max_age_minutes"])

    @property
    def signing_level(self) -> int:
        """The identity level that a signature asks for; never less than filing."""
        return max(self.identity_level, int(self._part("signing").get("level", 0)))

    @property
    def signing_freshness(self) -> timedelta:
        minutes = self._part("signing").get("max_age_minutes")
        return self.identity_freshness if minutes is None else timedelta(minutes=minutes)

    @property
    def signature_kind(self) -> str:
        """`drawn`, `advanced` or `qualified`."""
        return str(self._part("signing").get("kind", "drawn"))

    @property
    def is_licence(self) -> bool:
        return bool(self.definition.get("item_type") == LICENCE)

    @property
    def limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = self.definition["limits"]
        return limits

    @cached_property
    def form(self) -> Form:
        return Form.of(self.definition)

    @cached_property
    def materials(self) -> dict[str, Material]:
        """Every material that may be uploaded, in whatever situation."""
        listed = [_material(one) for one in self.definition["materials"]]
        return {material.code: material for material in ([*listed, SIGNATURE] if self.needs_signature else listed)}

    def materials_for(self, answers: Mapping[str, Any]) -> dict[str, Material]:
        """The materials that these answers, situations included, call for."""
        return {
            code: material
            for code, material in self.materials.items()
            if material.needed_when is None or self.form.holds(material.needed_when, answers)
        }

    @cached_property
    def situations(self) -> tuple[Situation, ...]:
        return tuple(
            Situation(one["code"], one["question"], tuple(option["value"] for option in one["options"]))
            for one in self.definition.get("situations", ())
        )

    @property
    def applicant_kinds(self) -> frozenset[str]:
        """Of `person`, `organisation` and `minor`."""
        return frozenset(self.definition["applicants"]["kinds"])

    @property
    def agent_allowed(self) -> bool:
        return bool(self.definition["applicants"].get("agent", True))

    @property
    def guardian(self) -> Guardian | None:
        """Set where minors can apply."""
        rule = self.definition["applicants"].get("guardian")
        return None if rule is None else Guardian(rule["below_age"], rule.get("both_agree_from_age"))

    @cached_property
    def joint(self) -> tuple[Child, ...]:
        """The departments' parts of a joint service; empty for a plain one."""
        return tuple(_child(one) for one in self._part("joint").get("children", ()))

    @property
    def commitment(self) -> str | None:
        """The field of the form by which an applicant commits themselves, where that is enough to decide (告知承诺)."""
        field = self._part("commitment").get("field")
        return None if field is None else str(field)

    @property
    def quota(self) -> dict[str, Any] | None:
        return self.definition.get("quota")

    @property
    def fees(self) -> dict[str, Any]:
        fees: dict[str, Any] = self.definition["fees"]
        return fees

    @property
    def automatic(self) -> dict[str, Any] | None:
        """Set for a benefit that nobody applies for (免申即享)."""
        return self.definition.get("automatic")

    @property
    def needs_appointment(self) -> bool:
        return bool(self._part("appointment").get("needed", False))

    @property
    def outreach_friendly(self) -> bool:
        return bool(self._part("outreach").get("friendly", False))

    @property
    def retention_class(self) -> str:
        return str(self.definition["retention"]["class"])

    @property
    def retention_years(self) -> int | None:
        """None is for ever."""
        return RETENTION_YEARS[self.retention_class]

    @property
    def effective_from(self) -> date | None:
        return _day(self._part("effective").get("from"))

    @property
    def effective_until(self) -> date | None:
        return _day(self._part("effective").get("until"))

    def name(self, language: str) -> str:
        return str(self.definition["name"][language])

    def _part(self, name: str) -> dict[str, Any]:
        part: dict[str, Any] = self.definition.get(name) or {}
        return part


def sha256_of(definition: Mapping[str, Any]) -> str:
    """The hash of a definition, whatever the order of its keys."""
    content = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _material(one: Mapping[str, Any]) -> Material:
    conditional = one.get("conditional")
    return Material(
        one["code"],
        one["name"],
        one["required"],
        tuple(one["accept"]),
        one["max_bytes"],
        one["copies"] or 1,
        one.get("needed_when"),
        conditional and Limit(conditional["value"], conditional["unit"]),
        one.get("max_files") or one["copies"] or 1,
        one["reusable"],
    )


def _child(one: Mapping[str, Any]) -> Child:
    return Child(
        one["code"],
        one["name"],
        one["department"],
        one["connector"],
        one["limits"],
        tuple(one.get("materials", ())),
        tuple(one.get("fields", ())),
        tuple(one.get("after", ())),
        one.get("when"),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
