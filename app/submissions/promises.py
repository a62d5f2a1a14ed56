"""Promises (容缺受理): which papers an applicant may bring later, whether they promised to, and by when.

Read from the history alone: an offer of the department, the applicant's promise, and its keeping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, select

from app.catalogue.services import Material
from app.database import Work
from app.people.callers import Resident
from app.refusals import Refusal
from app.submissions import drafts
from app.submissions.drafts import EDITABLE, AlreadySubmitted
from app.submissions.history import Actor, Item, history, items
from app.submissions.moments import Moment

_MATERIALS: Final = "/materials/"
_STEPS: Final = ("offer_promise", "promise", "keep_promise", "refile")
_RUNNING: Final = frozenset({"accepted", "in_review", "suspended"})


class NothingPromised(Refusal):
    """Nothing was offered to be brought later, or its day is over."""


@dataclass(frozen=True)
class Promise:
    """What may be brought later, and until which day. `given` once the applicant promised it."""

    items: tuple[Item, ...]
    until: date
    given: bool

    @property
    def materials(self) -> frozenset[str]:
        """The codes of the materials that it is about."""
        return frozenset(
            item.pointer.removeprefix(_MATERIALS) for item in self.items if item.pointer.startswith(_MATERIALS)
        )


def of(connection: Connection, row: Any) -> Promise | None:
    """The offer or promise that stands, of a submission that was read with its key; None without one."""
    statement = select(history.c.step, history.c.number, history.c.terms, history.c["items"]).where(
        history.c.submission_id == row.id, history.c.step.in_(_STEPS)
    )
    standing = None
    for event in connection.execute(statement.order_by(history.c.number)):
        if event.step in ("offer_promise", "promise"):
            listed = items(row, row.id, event.number, event.items)
            standing = Promise(listed, date.fromisoformat(event.terms["until"]), event.step == "promise")
        else:
            standing = None
    if standing is not None and row.state not in (_RUNNING if standing.given else {"received"}):
        return None
    return standing


def stands(moment: Moment, actor: Actor) -> None:
    """Whether the applicant promised something and has not brought it yet. Raises NothingPromised."""
    if [event.step for event in moment.steps(*_STEPS)][-1:] != ["promise"]:
        raise NothingPromised


def own_open(work: Work, caller: Resident, submission_id: UUID) -> Any:
    """The resident's submission under a row lock, when files may be added to it: a draft, a correction, or one whose
    promised papers are still to come.

    Raises SubmissionNotFound, AlreadySubmitted.
    """
    row = drafts.own(work.connection, caller, submission_id, lock=True)
    if row.state not in EDITABLE and not _promised(work.connection, row):
        raise AlreadySubmitted(reference=row.reference)
    return row


def open_materials(connection: Connection, row: Any, wanted: Mapping[str, Material]) -> Mapping[str, Material]:
    """Which of the wanted materials may be added now: all of them, or those that were promised."""
    if row.state in EDITABLE:
        return wanted
    promised = _promised(connection, row)
    return {code: material for code, material in wanted.items() if code in promised}


def _promised(connection: Connection, row: Any) -> frozenset[str]:
    standing = of(connection, row)
    return standing.materials if standing is not None and standing.given else frozenset()
