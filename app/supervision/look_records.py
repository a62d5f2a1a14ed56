"""Records of looks, as they are read: by auditors all of them, by residents those of their own submissions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from app import identifiers
from app.catalogue import departments, services
from app.people import free_text, staff
from app.people.callers import Clerk, Resident
from app.refusals import Refusal
from app.submissions import drafts
from app.supervision import looks
from app.supervision.looks import REASON_KINDS


class LooksNotReadable(Refusal):
    """Records of looks are for auditors and supervisors."""


_SELECTED = """
SELECT l.id, l.at, l.role, l.department_code, l.kind, l.outcome, l.reason_kind, l.reason, l.asked_id, l.plain_fields,
       l.unmasking_id, s.staff_number, s.name AS staff_name, u.fields, u.until,
       ARRAY(SELECT json_build_array(shown.submission_id, sub.reference) FROM looks_shown shown
             JOIN submissions sub ON sub.id = shown.submission_id
             WHERE shown.look_id = l.id ORDER BY shown.number) AS shown
FROM looks l JOIN staff s ON s.id = l.staff_id LEFT JOIN unmaskings u ON u.id = l.unmasking_id
"""

# Each filter has an index of its own: by person (staff_id, id), by submission (submission_id, look_id), by time the
# primary key, whose ids begin with their instant. The bounds of a person are written as rows, and so is the order:
# else PostgreSQL walks back over everybody's looks until it has met enough of somebody who seldom looks.
_FILTERS = {
    "submission": "l.id IN (SELECT look_id FROM looks_shown WHERE submission_id = %(submission)s)",
    "since": "l.at >= %(since)s",
    "until": "l.at < %(until)s",
}
_OF_ANYBODY = ("l.id >= %(lowest)s AND l.id < %(highest)s", "l.id DESC")
_OF_ONE = (
    "(l.staff_id, l.id) >= (%(staff)s, %(lowest)s) AND (l.staff_id, l.id) < (%(staff)s, %(highest)s)",
    "l.staff_id DESC, l.id DESC",
)


def listing(
    connection: Connection, clerk: Clerk, filters: Mapping[str, Any], limit: int, language: str
) -> list[dict[str, Any]]:
    """Up to `limit` looks, the latest first; `filters` are `before` (an id), `staff_number`, `submission`, `since`
    and `until`, None for any.

    Raises LooksNotReadable.
    """
    if not staff.may(clerk.role, staff.READ_LOOKS):
        raise LooksNotReadable
    given = {name: value for name, value in filters.items() if value is not None}
    values = {**given, **_id_bounds(given), "limit": limit}
    bounds, order = _OF_ANYBODY
    if "staff_number" in given:
        bounds, order = _OF_ONE
        values["staff"] = staff.id_of(connection, given["staff_number"])
        if values["staff"] is None:
            return []
    where = " AND ".join([bounds, *(words for name, words in _FILTERS.items() if name in given)])
    statement = f"{_SELECTED} WHERE {where} ORDER BY {order} LIMIT %(limit)s"
    return [_for_auditors(connection, row, language) for row in connection.exec_driver_sql(statement, values)]


def _id_bounds(given: Mapping[str, Any]) -> dict[str, UUID]:
    """The ids that looks of this time can have, a second more on each side: a look's id is a moment younger."""
    second = timedelta(seconds=1)
    lowest, highest = UUID(int=0), given.get("before", UUID(int=2**128 - 1))
    if "since" in given:
        lowest = identifiers.first_id_at(given["since"], -second)
    if "until" in given:
        highest = min(highest, identifiers.first_id_at(given["until"], second))
    return {"lowest": lowest, "highest": highest}


def _for_auditors(connection: Connection, row: Any, language: str) -> dict[str, Any]:
    unmasking = {"id": row.unmasking_id, "fields": row.fields, "until": row.until}
    return {
        "id": row.id,
        "at": row.at,
        "staff": {
            "number": row.staff_number,
            "name": row.staff_name,
            "role": row.role,
            "department": row.department_code,
            "unit": departments.name(connection, row.department_code, language),
        },
        "kind": row.kind,
        "outcome": row.outcome,
        "reason_kind": row.reason_kind,
        "reason": free_text.masked(looks.reason_in_words(row)),
        "asked": row.asked_id,
        "shown": [{"submission": submission, "reference": reference} for submission, reference in row.shown],
        "plain_fields": row.plain_fields,
        "unmasking": None if row.unmasking_id is None else unmasking,
    }


_OF_SUBMISSION = """
SELECT l.id, l.at, l.role, l.department_code, l.kind, l.outcome, l.reason_kind, l.plain_fields, u.fields, u.until
FROM looks_shown shown JOIN looks l ON l.id = shown.look_id LEFT JOIN unmaskings u ON u.id = l.unmasking_id
WHERE shown.submission_id = %(submission)s AND (%(before)s::uuid IS NULL OR shown.look_id < %(before)s::uuid)
ORDER BY shown.look_id DESC LIMIT %(limit)s
"""


def of_own(
    connection: Connection, caller: Resident, submission_id: UUID, before: UUID | None, limit: int, language: str
) -> list[dict[str, Any]]:
    """Who looked at the caller's submission, the latest first: role, department and kind of reason, nobody's name.

    Raises SubmissionNotFound.
    """
    row = drafts.own(connection, caller, submission_id)
    form = services.version(connection, row.service_code, row.service_version).form
    values = {"submission": submission_id, "before": before, "limit": limit}
    found = connection.exec_driver_sql(_OF_SUBMISSION, values).all()
    return [_for_resident(connection, look, form, language) for look in found]


def _for_resident(connection: Connection, row: Any, form: Any, language: str) -> dict[str, Any]:
    plain = row.fields if row.outcome == "granted" else row.plain_fields
    told = {
        "unit": departments.name(connection, row.department_code, language),
        "role": staff.ROLE_WORDS[row.role][language],
        "reason": REASON_KINDS[row.reason_kind][language],
        "fields": _SEPARATOR[language].join(_field_words(field, form, language) for field in plain),
    }
    return {
        "id": row.id,
        "at": row.at,
        "role": row.role,
        "department": row.department_code,
        "unit": told["unit"],
        "kind": row.kind,
        "outcome": row.outcome,
        "reason_kind": row.reason_kind,
        "plain_fields": plain,
        "text": _TEXTS[_text_of(row)][language].format(**told),
    }


def _text_of(row: Any) -> str:
    if row.outcome in ("granted", "listed"):
        return str(row.outcome)
    return "plain" if row.plain_fields else "masked"


def _field_words(field: str, form: Any, language: str) -> str:
    if field in _FIELD_WORDS:
        return _FIELD_WORDS[field][language]
    name = field.removeprefix("/answers/").replace("~1", "/").replace("~0", "~")
    return str(form.label(name, language))


_SEPARATOR = {"zh": "、", "en": ", "}

_FIELD_WORDS = {
    "all": {"zh": "全部内容", "en": "everything"},
    "/applicant/name": {"zh": "姓名", "en": "name"},
    "/applicant/document_number": {"zh": "证件号码", "en": "document number"},
    "/applicant/phone": {"zh": "手机号", "en": "phone"},
    "/filenames": {"zh": "文件名", "en": "file names"},
    "/opinions": {"zh": "办理意见", "en": "opinions"},
}

_TEXTS = {
    "masked": {
        "zh": "{unit}的{role}查看了您的办件，个人信息已遮盖。事由：{reason}",
        "en": "A {role} of {unit} opened your submission; personal data were masked. Reason: {reason}",
    },
    "listed": {
        "zh": "{unit}的{role}在查询结果中看到了您的办件，个人信息已遮盖。事由：{reason}",
        "en": "A {role} of {unit} saw your submission in a list; personal data were masked. Reason: {reason}",
    },
    "granted": {
        "zh": "{unit}的{role}申请了限时查看您的完整信息：{fields}。事由：{reason}",
        "en": "A {role} of {unit} was given a short time to see your full data: {fields}. Reason: {reason}",
    },
    "plain": {
        "zh": "{unit}的{role}查看了您的完整信息：{fields}。事由：{reason}",
        "en": "A {role} of {unit} saw your full data: {fields}. Reason: {reason}",
    },
}
