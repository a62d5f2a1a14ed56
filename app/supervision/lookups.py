"""Look-ups: the desk finds a submission by its reference, or by the number, phone or full name of its applicant.

People are found through their blind indexes alone. One hit by reference is opened at once; whoever looks for a
person gets a short list, and opening one of it is a look of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app import clock
from app.catalogue import formats
from app.crypto import data_keys
from app.crypto.blind_indexes import NothingToIndex, Purpose
from app.database import Work
from app.identifiers import is_reference, normal_reference
from app.people import residents, staff
from app.people.callers import Clerk
from app.privacy import restrictions
from app.refusals import InvalidContent
from app.settings import settings
from app.submissions.drafts import submissions
from app.supervision import admission, looks, sheets, unmaskings
from app.supervision.looks import Look, LookNotAllowed, LookNotFound, Reason

MOST_PEOPLE = 10
"""So many people of one name are listed; more want another search."""

_MOST_NAMESAKES = 500

REFERENCE = Purpose("reference", normal_reference)


@dataclass(frozen=True)
class Search:
    """What is looked for: a kind of KINDS and what was typed; for lists, which page of it.

    `legal_reason` is one of `restrictions.REASONS`, for which even what is restricted is opened.
    """

    kind: str
    term: str
    before: UUID | None = None
    limit: int = 20
    legal_reason: str | None = None


def look_up(work: Work, clerk: Clerk, search: Search, reason: Reason, language: str) -> dict[str, Any]:
    """What was found, masked: `submission` for one that was opened, `items` for a list, `restricted` for one that the
    law keeps in storage only.

    What this role may not see looks exactly like nothing. Raises LookNotAllowed, LookLimitReached, InvalidContent
    (check digits that do not fit: most likely a slip on the phone).
    """
    tried = Look(search.kind, "nothing", _term_index(search), _asked_id(search))
    admission.admit(work, clerk, staff.LOOK, LookNotAllowed, reason, tried)
    _check(search, tried, language)
    if search.kind in residents.SEARCHES:
        return _list(work, clerk, search, reason, tried, language)
    if search.kind == "reference":
        condition = submissions.c.reference == normal_reference(search.term)
    else:
        condition = submissions.c.id == UUID(search.term)
    row = admission.visible(work, clerk, condition)
    if row is None:
        return _answer(looks.record(work, clerk, reason, tried), "nothing", language)
    restricted = restrictions.note(work.connection, row, search.legal_reason, language)
    if restricted:
        look_id = looks.record(work, clerk, reason, replace(tried, outcome="restricted", shown=[row]))
        return _answer(look_id, "restricted", language, restricted=restricted)
    look_id, submission = open_sheet(work, clerk, row, _by_law(row, search, reason), tried, language)
    return _answer(look_id, "shown", language, submission=submission)


def _by_law(row: Any, search: Search, reason: Reason) -> Reason:
    """The reason as it is recorded: what is restricted was opened for one that the law gives."""
    if row.restricted_at is None:
        return reason
    return replace(reason, words=f"{restrictions.REASONS[str(search.legal_reason)]['zh']}：{reason.words}")


def read_again(work: Work, clerk: Clerk, submission_id: UUID, language: str) -> dict[str, Any]:
    """A submission that this member of staff opened, or unmasked, lately: the reason they gave then still stands.

    Raises LookNotFound, LookNotAllowed, LookLimitReached.
    """
    since = clock.now() - settings().look_life
    reason = looks.standing_reason(work, clerk, submission_id, since)
    if reason is None:
        raise LookNotFound
    tried = Look("reading", "nothing", asked_id=submission_id)
    admission.admit(work, clerk, staff.LOOK, LookNotAllowed, reason, tried)
    row = admission.opened(work, clerk, submission_id, since)
    if row is None:
        raise LookNotFound
    return open_sheet(work, clerk, row, reason, tried, language)[1]


def open_sheet(
    work: Work, clerk: Clerk, row: Any, reason: Reason, tried: Look, language: str
) -> tuple[UUID, dict[str, Any]]:
    """The sheet of a submission, and the id of the record that says what of it was shown in plain."""
    opened, unmasking_id = unmaskings.live(work, clerk, row.id)
    submission = sheets.sheet(work.connection, row, opened, language)
    look = Look(
        tried.kind,
        "shown",
        tried.term_index,
        tried.asked_id,
        shown=[row],
        plain_fields=opened.shown,
        unmasking_id=unmasking_id if opened.shown else None,
    )
    return looks.record(work, clerk, reason, look), submission


# Two steps of one statement: the people by a blind index, then their submissions. Both lists are bounded.
OF_PEOPLE = """
WITH people AS MATERIALIZED (
    SELECT id FROM residents WHERE {column} = ANY(%(terms)s) LIMIT %(most)s
), seen AS MATERIALIZED (
    SELECT s.id, s.applicant_id FROM people JOIN submissions s ON s.applicant_id = people.id
    WHERE s.state <> 'draft' AND s.restricted_at IS NULL
      AND (%(departments)s::text[] IS NULL OR s.department_code = ANY(%(departments)s::text[]))
)
SELECT (SELECT count(*) FROM people) AS namesakes, (SELECT count(DISTINCT applicant_id) FROM seen) AS people,
       ARRAY(SELECT id FROM seen WHERE %(before)s::uuid IS NULL OR id < %(before)s::uuid
             ORDER BY id DESC LIMIT %(limit)s) AS ids
"""


def _list(work: Work, clerk: Clerk, search: Search, reason: Reason, tried: Look, language: str) -> dict[str, Any]:
    purpose, column = residents.SEARCHES[search.kind]
    departments = staff.visible_departments(clerk.role, clerk.department_code)
    values = {
        "terms": data_keys.candidates(purpose, search.term),
        "most": _MOST_NAMESAKES + 1,
        "departments": None if departments is None else list(departments),
        "before": search.before,
        "limit": search.limit + 1,
    }
    found = work.row(OF_PEOPLE.format(column=column), values)
    if found.namesakes > _MOST_NAMESAKES or found.people > MOST_PEOPLE:
        return _answer(_recorded(work, clerk, reason, tried, "too_many"), "too_many", language)
    if not found.ids:
        return _answer(_recorded(work, clerk, reason, tried, "nothing"), "nothing", language)
    rows = work.run(select(submissions).where(submissions.c.id.in_(found.ids)).order_by(submissions.c.id.desc())).all()
    page = rows[: search.limit]
    people = residents.people(work.connection, {row.applicant_id for row in page})
    items = [sheets.line(work.connection, row, people.get(row.applicant_id), language) for row in page]
    look_id = _recorded(work, clerk, reason, tried, "listed", page)
    more = page[-1].id if len(rows) > search.limit else None
    return _answer(look_id, "listed", language, items=items, more_before=more)


def _recorded(work: Work, clerk: Clerk, reason: Reason, tried: Look, outcome: str, shown: Any = ()) -> UUID:
    return looks.record(work, clerk, reason, Look(tried.kind, outcome, tried.term_index, shown=shown))


def _answer(
    look_id: UUID,
    outcome: str,
    language: str,
    submission: dict[str, Any] | None = None,
    items: list[dict[str, Any]] | None = None,
    more_before: UUID | None = None,
    restricted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": look_id,
        "outcome": outcome,
        "outcome_text": _OUTCOME_WORDS[outcome][language],
        "submission": submission,
        "items": items or [],
        "more_before": more_before,
        "restricted": restricted,
    }


def _check(search: Search, tried: Look, language: str) -> None:
    """Raises InvalidContent for a slip, which is then neither counted nor recorded: nothing was looked for."""
    slip = search.kind == "reference" and not is_reference(search.term)
    if search.kind == "document_number":
        number = formats.normalise_citizen_id(search.term)
        slip = len(number) == 18 and number[:17].isdigit() and not formats.is_citizen_id(number)
    if slip:
        raise InvalidContent(errors={f"/{search.kind}": [_SLIP[language]]})
    if search.kind in residents.SEARCHES and tried.term_index is None:
        raise InvalidContent(errors={f"/{search.kind}": [_EMPTY[language]]})


def _term_index(search: Search) -> bytes | None:
    """What was typed, as a blind index; None for an id, and for what leaves nothing to index."""
    purposes: Mapping[str, Purpose] = {kind: purpose for kind, (purpose, _) in residents.SEARCHES.items()}
    purpose = REFERENCE if search.kind == "reference" else purposes.get(search.kind)
    try:
        return None if purpose is None else data_keys.index(purpose, search.term)
    except NothingToIndex:
        return None


def _asked_id(search: Search) -> UUID | None:
    return UUID(search.term) if search.kind == "submission" else None


_SLIP = {
    "zh": "号码的校验位不符，请核对后重新输入",
    "en": "The check digits do not fit: please compare the number again",
}
_EMPTY = {"zh": "请输入完整的内容", "en": "Please type the whole of it"}

_OUTCOME_WORDS = {
    "shown": {"zh": "已打开办件", "en": "Opened"},
    "listed": {"zh": "请从列表中选择一件打开", "en": "Please open one of the list"},
    "restricted": {
        "zh": "本人已注销账户，该办件依法只存储、不使用",
        "en": "The person closed the account: this submission is kept in storage only",
    },
    "nothing": {
        "zh": "没有您可以查看的办件",
        "en": "There is no submission that you may see",
    },
    "too_many": {
        "zh": "同名的人太多，请改用证件号码、手机号或者办件编号查询",
        "en": "Too many people have this name: please search by document number, phone or reference",
    },
}
