"""Requirements: which notices and consents a filing must have, and which of them it lacks.

Asked within the statement that files, so that nobody waits for it. A service that rests on a statutory duty and only
offers its notice asks for nothing, and its filing runs without any of this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app.catalogue.services import ServiceVersion
from app.database import row_of
from app.identifiers import new_id
from app.people import residents
from app.people.callers import Resident
from app.privacy import guardians, purposes
from app.privacy.acknowledgements import Shown
from app.privacy.purposes import Purpose
from app.refusals import InvalidContent, Refusal


class ConsentRequired(Refusal):
    """Consents are missing that this processing needs: `consents` names each, `notices` what was not shown."""


class NoticeUnseen(Refusal):
    """The service's notice must be shown first: `notices` names the version."""


@dataclass(frozen=True)
class Requirements:
    """What one filing must have, and what the client says it showed."""

    service: ServiceVersion
    shown: Shown
    wanted: tuple[tuple[Purpose, str], ...]

    @property
    def nothing(self) -> bool:
        return not (self.wanted or self.shown.notices or purposes.notice_required(self.service))

    def values(self, applicant_id: UUID, submission_id: UUID, at: datetime) -> dict[str, Any]:
        """The values of `CHECK` and `LACKING`."""
        return {
            "applicant": applicant_id,
            "id": submission_id,
            "at": at,
            "device": self.shown.device,
            "shown_ids": [new_id() for _ in self.shown.notices],
            "shown_codes": [code for code, _ in self.shown.notices],
            "shown_versions": [number for _, number in self.shown.notices],
            "notice": purposes.notice_code(self.service.code),
            "version": self.service.version,
            "notice_required": purposes.notice_required(self.service),
            "purposes": [purpose.code for purpose, _ in self.wanted],
            "kinds": [kind for _, kind in self.wanted],
            "scopes": [purpose.scope for purpose, _ in self.wanted],
        }


def of(service: ServiceVersion, answers: dict[str, Any], shown: Shown) -> Requirements:
    """What filing these answers needs: every consent of required purposes, and of optional ones that were used.

    An optional purpose is used by answering one of its fields. Who leaves them out is not asked, and not refused
    (PIPL art. 16).
    """
    wanted = [
        (purpose, kind)
        for purpose in purposes.of(service)
        if purpose.required or any(answers.get(field) is not None for field in purpose.fields)
        for kind in purpose.consents
    ]
    return Requirements(service, shown, tuple(wanted))


# A consent counts when the applicant gave it, or a guardian for the child of the applicant's document number;
# `standing` says which: 2 and 1, nothing when there is none.
_LACKING = """
shown AS (
    SELECT s.id, s.code, s.version, n.content_sha256
    FROM unnest(%(shown_ids)s::uuid[], %(shown_codes)s::text[], %(shown_versions)s::int[]) AS s(id, code, version)
    LEFT JOIN notices n ON n.code = s.code AND n.version = s.version
), wanted AS (
    SELECT w.purpose, w.kind, (
        SELECT max(CASE WHEN c.child_index IS NULL THEN 2 ELSE 1 END) FROM consents c
        WHERE c.scope_sha256 = w.scope AND c.kind = w.kind
          AND (c.resident_id = %(applicant)s AND c.child_index IS NULL
               OR c.child_index = (SELECT document_number_index FROM residents WHERE id = %(applicant)s))
          AND NOT EXISTS (SELECT FROM consent_withdrawals x WHERE x.consent_id = c.id)) AS standing
    FROM unnest(%(purposes)s::text[], %(kinds)s::text[], %(scopes)s::text[]) AS w(purpose, kind, scope)
), due AS (
    SELECT %(notice)s::text AS code, max(version) AS version
    FROM notices WHERE code = %(notice)s AND service_version <= %(version)s
), lacking AS (
    SELECT (SELECT json_agg(json_build_object('code', code, 'version', version))
            FROM shown WHERE content_sha256 IS NULL) AS unknown,
           (SELECT json_agg(json_build_object('purpose', purpose, 'kind', kind, 'standing', standing))
            FROM wanted WHERE standing IS DISTINCT FROM 2) AS consents,
           (SELECT version FROM due) AS notice_version,
           %(notice_required)s AND NOT EXISTS (
               SELECT FROM due JOIN (
                   SELECT code, version FROM shown
                   UNION ALL
                   SELECT notice_code, notice_version FROM acknowledgements WHERE resident_id = %(applicant)s
               ) AS seen USING (code, version)) AS unseen
)"""

CHECK = f"""{_LACKING}, acknowledged AS (
    INSERT INTO acknowledgements (
        id, resident_id, notice_code, notice_version, notice_sha256, submission_id, at, device, method)
    SELECT id, %(applicant)s, code, version, content_sha256, %(id)s, %(at)s, %(device)s, 'filing'
    FROM shown WHERE content_sha256 IS NOT NULL
)"""
"""Parts of the statement that files: what was shown is recorded, and the one row of `lacking` says what is missing."""

FOUND = "lacking.unknown, lacking.consents, lacking.notice_version, lacking.unseen"

_STATEMENT = f"WITH {_LACKING} SELECT {FOUND} FROM lacking"


def refuse_lacking(connection: Connection, caller: Resident, needed: Requirements, found: Any) -> None:
    """Raises ConsentRequired, NoticeUnseen, or InvalidContent for a notice that never was, from a row of `FOUND`."""
    if found.unknown:
        raise InvalidContent(errors={f"/notices/{_place(needed, one)}": [_UNKNOWN] for one in found.unknown})
    consents = _missing_consents(connection, caller.id, needed, found)
    notices = [{"code": purposes.notice_code(needed.service.code), "version": found.notice_version}]
    if consents:
        raise ConsentRequired(consents=consents, notices=notices if found.unseen else [])
    if found.unseen:
        raise NoticeUnseen(notices=notices)


_UNKNOWN = "No such notice was published."


def _place(needed: Requirements, one: dict[str, Any]) -> int:
    return needed.shown.notices.index((one["code"], one["version"]))


def missing(connection: Connection, applicant_id: UUID, needed: Requirements, language: str) -> dict[str, list[str]]:
    """What a draft lacks, as JSON Pointers with words; empty, and without a question, when it needs nothing."""
    if needed.nothing:
        return {}
    values = needed.values(applicant_id, applicant_id, _NEVER)
    found = row_of(connection, _STATEMENT, values)
    lacking = _missing_consents(connection, applicant_id, needed, found)
    faults = {f"/consents/{one['purpose']}/{one['kind']}": [_AGREE[language]] for one in lacking}
    if found.unseen:
        faults[f"/notices/{purposes.notice_code(needed.service.code)}"] = [_READ[language]]
    return faults


_NEVER = datetime.min
_AGREE = {"zh": "请阅读告知书并单独同意，或者不填相关内容", "en": "Please read the notice and agree, or leave this out"}
_READ = {"zh": "请阅读个人信息处理告知书", "en": "Please read the privacy notice"}


def _missing_consents(
    connection: Connection, applicant_id: UUID, needed: Requirements, found: Any
) -> list[dict[str, Any]]:
    """Each missing consent, with where to read about it. A guardian's counts until the 14th birthday."""
    lacking = found.consents or []
    if any(one["standing"] == 1 for one in lacking) and _is_child(connection, applicant_id):
        lacking = [one for one in lacking if one["standing"] is None]
    by_code = {purpose.code: purpose for purpose, _ in needed.wanted}
    return [
        {
            "notice": purposes.notice_code(needed.service.code),
            "version": found.notice_version,
            "purpose": one["purpose"],
            "kind": one["kind"],
            "required": by_code[one["purpose"]].required,
            "fields": sorted(by_code[one["purpose"]].fields),
        }
        for one in lacking
    ]


def _is_child(connection: Connection, resident_id: UUID) -> bool:
    known = residents.person(connection, resident_id)
    return known is not None and guardians.needs_guardian(known)


def still_allowed(
    connection: Connection, service: ServiceVersion, applicant_id: UUID, answers: dict[str, Any]
) -> dict[str, Any]:
    """The answers without those of optional purposes whose consent was taken back since (PIPL art. 15).

    Asked before they are given to an office; a service without such purposes asks nothing.
    """
    optional = [p for p in purposes.of(service) if p.consents and not p.required and p.fields & answers.keys()]
    if not optional:
        return answers
    needed = Requirements(service, Shown(), tuple((p, kind) for p in optional for kind in p.consents))
    found = row_of(connection, _STATEMENT, needed.values(applicant_id, applicant_id, _NEVER))
    refused = {one["purpose"] for one in _missing_consents(connection, applicant_id, needed, found)}
    dropped = {field for purpose in optional if purpose.code in refused for field in purpose.fields}
    return {field: value for field, value in answers.items() if field not in dropped}
