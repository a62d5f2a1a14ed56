"""Proof that history was not altered: tree heads and a verifier for anyone, proofs for whoever holds a receipt."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Response

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_text, page
from api.schemas.open_proofs import HeadQuery, ProofSchema, TreeHeadPageSchema, TreeHeadSchema
from app.submissions.drafts import SubmissionNotFound
from app.supervision import proofs, published_heads, verifier
from app.supervision.published_heads import TreeHeadNotFound
from auth import guards

door = Door("open_proofs", guards.anyone, "/v1/open", "Signed heads of the daily trees, and the verifier.")
own_door = Door("proofs", guards.residents, "/v1/submissions", "Proof that nothing in my submission was altered.")

_VERIFIER = Path(verifier.__file__)


@door.reads("/tree-heads", query=HeadQuery, answer=TreeHeadPageSchema, refuses=(CursorInvalid,))
def list_tree_heads(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """The signed head of each day's tree over all submissions that moved, the latest first."""
    before, limit = after_text(query["cursor"]), query["limit"]
    return page(published_heads.listing(visit.connection, _cursor_day(before), limit + 1), limit, "day")


@door.reads("/tree-heads/<day>", answer=TreeHeadSchema, refuses=(TreeHeadNotFound,))
def read_tree_head(visit: Visit, day: str) -> dict[str, Any]:
    """One day's head with its signature, key and time stamp. Keep it: it proves later what was there by then."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise TreeHeadNotFound from None
    return published_heads.of_day(visit.connection, wanted)


@door.reads("/verifier", produces="text/x-python")
def fetch_verifier(visit: Visit) -> Response:
    """The script that checks a proof against a head: Python's standard library and nothing else."""
    named = {"Content-Disposition": 'attachment; filename="verifier.py"'}
    return Response(_VERIFIER.read_bytes(), 200, named, "text/x-python")


@own_door.reads("/<uuid:submission_id>/proof", answer=ProofSchema, refuses=(SubmissionNotFound,))
def read_proof(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """My submission's history as it was hashed, and the way from its last row to the root of a published tree."""
    return proofs.of_own(visit.connection, visit.caller, submission_id)


def _cursor_day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise CursorInvalid from None
