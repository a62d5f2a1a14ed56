"""An office's memory: the cases (办件) it received, and the answers it still has to send or has sent."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.memory import Memory
from sandbox.office_names import prefix

SCHEMA = """
create table if not exists office_case (
    id integer primary key, office text not null, event_id text not null, reference text not null,
    office_reference text not null, state text not null default 'received', received_at text not null,
    event text not null, unique (office, event_id), unique (office, office_reference));
create table if not exists office_answer (
    id integer primary key, case_id integer not null references office_case, sequence integer not null,
    kind text not null, reason text, event_id text not null unique, gap_s real not null,
    next_try_at real not null, body text, attempts integer not null default 0,
    acknowledged integer not null default 0, finished_at text, last_result text, unique (case_id, sequence));
create table if not exists office_answer_terms (event_id text primary key, terms text not null);
create table if not exists office_change (
    event_id text primary key, case_id integer not null references office_case, number integer not null,
    step text not null, state text not null, reason text, at text not null);
create index if not exists office_answer_open on office_answer (next_try_at) where finished_at is null;
"""

KINDS = (
    *("accepted", "in_review", "approved", "refused", "declined"),
    *("correction_asked", "suspended", "resumed", "extended", "terminated", "delivered"),
)

# 受理 shortly after receipt, the decision half a second after the acceptance has been acknowledged.
BY_ITSELF = (("accepted", 0.3), ("approved", 0.5))


@dataclass(frozen=True)
class Received:
    office_reference: str
    is_new: bool


def find_received(store: Memory, office: str, event_id: str) -> str | None:
    """The office reference given to this event before, if any."""
    row = store.row("select office_reference from office_case where office = ? and event_id = ?", office, event_id)
    return str(row["office_reference"]) if row else None


def receive(store: Memory, office: str, event: dict[str, Any], by_itself: bool, now: float) -> Received:
    """Open one case for one event id, however often and however simultaneously it comes.

    The answers an office gives by itself are planned in the same transaction: a killed process owes them.
    """
    with store.change() as db:
        known = db.execute(
            "select office_reference from office_case where office = ? and event_id = ?",
            (office, event["id"]),
        ).fetchone()
        if known is not None:
            return Received(known["office_reference"], False)
        number = db.execute("select count(*) + 1 as n from office_case where office = ?", (office,)).fetchone()["n"]
        at = datetime.now(UTC)
        office_reference = f"{prefix(office)}-{at.year}-{number:06d}"
        case_id = db.execute(
            "insert into office_case (office, event_id, reference, office_reference, received_at, event)"
            " values (?,?,?,?,?,?)",
            (office, event["id"], event["subject"], office_reference, at.isoformat(), json.dumps(event)),
        ).lastrowid
        for sequence, (kind, gap) in enumerate(BY_ITSELF if by_itself else (), start=1):
            plan(db, case_id, sequence, kind, None, gap, now)
        return Received(office_reference, True)


def change(store: Memory, office: str, event: dict[str, Any], by_itself: bool, now: float) -> bool:
    """Note what happened to a case at OnePhone, once per event id; False for a case that never came here.

    A correction makes the case a new one to decide: an office that answers by itself plans its answers anew.
    """
    data = event["data"]
    with store.change() as db:
        row = db.execute(
            "select id, (select coalesce(max(sequence), 0) from office_answer where case_id = office_case.id) as last"
            " from office_case where office = ? and reference = ?",
            (office, event["subject"]),
        ).fetchone()
        if row is None:
            return False
        noted = db.execute(
            "insert or ignore into office_change (event_id, case_id, number, step, state, reason, at)"
            " values (?,?,?,?,?,?,?)",
            (event["id"], row["id"], data["number"], data["step"], data["state"], data["reason"], event["time"]),
        ).rowcount
        if not noted:
            return True
        db.execute("update office_case set state = ? where id = ?", (data["state"], row["id"]))
        if data["case"] is not None:
            kept = json.dumps({**event, "data": data["case"]})
            db.execute("update office_case set event = ? where id = ?", (kept, row["id"]))
        if data["step"] == "refile" and by_itself:
            for sequence, (kind, gap) in enumerate(BY_ITSELF, start=row["last"] + 1):
                plan(db, row["id"], sequence, kind, None, gap, now)
        return True


def plan(db: Any, case_id: int | None, sequence: int, kind: str, reason: str | None, gap: float, now: float) -> str:
    event_id = str(uuid.uuid4())
    db.execute(
        "insert into office_answer (case_id, sequence, kind, reason, event_id, gap_s, next_try_at)"
        " values (?,?,?,?,?,?,?)",
        (case_id, sequence, kind, reason, event_id, gap, now + gap),
    )
    return event_id


def add_answer(
    store: Memory,
    office: str,
    office_reference: str,
    kind: str,
    reason: str | None,
    terms: dict[str, Any] | None = None,
) -> bool:
    """Plan an answer chosen by a clerk, to be sent at once; False when there is no such case.

    `terms` are further members of its data, such as `items`, `until`, `kind` and `days`.
    """
    with store.change() as db:
        row = db.execute(
            "select id, (select count(*) from office_answer where case_id = office_case.id) as last"
            " from office_case where office = ? and office_reference = ?",
            (office, office_reference),
        ).fetchone()
        if row is None:
            return False
        event_id = plan(db, row["id"], row["last"] + 1, kind, reason, 0, 0)
        if terms:
            db.execute("insert into office_answer_terms values (?,?)", (event_id, json.dumps(terms)))
        return True


def terms_of(store: Memory, event_id: str) -> dict[str, Any]:
    row = store.row("select terms from office_answer_terms where event_id = ?", event_id)
    found: dict[str, Any] = json.loads(row["terms"]) if row else {}
    return found


# What may be sent: of each case only its earliest unfinished answer, and nothing of an office that is down.
SENDABLE = """
    from office_answer a join office_case c on c.id = a.case_id
    where a.finished_at is null
      and not exists (select 1 from office_answer b
          where b.case_id = a.case_id and b.sequence < a.sequence and b.finished_at is null)
      and not exists (select 1 from switch where part = 'office/' || c.office and mode = 'down')
"""


def due_answers(store: Memory, now: float) -> list[dict[str, Any]]:
    """Sendable answers whose time has come, the longest waiting first."""
    return store.rows(
        f"select a.*, c.office, c.reference, c.office_reference, c.event {SENDABLE}"
        " and a.next_try_at <= ? order by a.next_try_at limit 100",
        now,
    )


def next_due(store: Memory) -> float | None:
    """When the earliest sendable answer wants to be tried, as a time stamp in seconds."""
    row = store.row(f"select min(a.next_try_at) as at {SENDABLE}")
    return row["at"] if row else None


def keep_body(store: Memory, answer_id: int, body: str) -> None:
    store.execute("update office_answer set body = ? where id = ?", body, answer_id)


def keep_failure(store: Memory, answer_id: int, result: str, next_try_at: float) -> None:
    store.execute(
        "update office_answer set attempts = attempts + 1, last_result = ?, next_try_at = ? where id = ?",
        *(result, next_try_at, answer_id),
    )


def keep_success(store: Memory, answer: dict[str, Any], result: str, wanted: int, now: float) -> None:
    """Count an acknowledged copy; with the last wanted one the answer is finished, and the next may start."""
    with store.change() as db:
        acknowledged = db.execute(
            "update office_answer set attempts = attempts + 1, acknowledged = acknowledged + 1,"
            " last_result = ? where id = ? returning acknowledged",
            (result, answer["id"]),
        ).fetchone()["acknowledged"]
        if acknowledged < wanted:
            return
        finished = datetime.now(UTC).isoformat()
        db.execute("update office_answer set finished_at = ? where id = ?", (finished, answer["id"]))
        db.execute("update office_case set state = ? where id = ?", (answer["kind"], answer["case_id"]))
        db.execute(
            "update office_answer set next_try_at = max(next_try_at, ? + gap_s) where case_id = ? and sequence = ?",
            (now, answer["case_id"], answer["sequence"] + 1),
        )


def list_cases(store: Memory, office: str, limit: int = 50) -> list[dict[str, Any]]:
    """The latest cases, newest last, each with its event and its answers."""
    cases = store.rows(
        "select * from (select * from office_case where office = ? order by id desc limit ?) order by id",
        office,
        limit,
    )
    for case in cases:
        case["event"] = json.loads(case["event"])
        case["changes"] = store.rows(
            "select number, step, state, reason, at from office_change where case_id = ? order by number", case["id"]
        )
        case["answers"] = store.rows(
            "select sequence, kind, reason, event_id, attempts, acknowledged, finished_at, last_result"
            " from office_answer where case_id = ? order by sequence",
            case["id"],
        )
    return cases


def count_cases(store: Memory, office: str) -> dict[str, int]:
    """{"cases", "unsent"}: how much an office has, and how many answers it still owes."""
    row = store.row(
        "select (select count(*) from office_case where office = ?) as cases,"
        " (select count(*) from office_answer a"
        " join office_case c on c.id = a.case_id where c.office = ? and a.finished_at is null) as unsent",
        *(office, office),
    )
    return row or {}
