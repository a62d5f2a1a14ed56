"""Steps at the desk: what may be done with a submission now, and doing it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api import answers
from api.doors import Door, Visit
from api.errors import BadHeader
from api.headers import IF_MATCH_OPTIONAL
from api.schemas.desk_steps import HandledSchema, StepTakenSchema, StepWishSchema
from api.schemas.issued_notices import IssuedNoticeSchema, IssuedNoticesSchema
from app.refusals import InvalidContent
from app.submissions import step_rules
from app.submissions.drafts import Stale
from app.submissions.history import Given, Item
from app.submissions.issued_notices import IssuedNoticeNotFound
from app.submissions.step_rules import StepInThePast
from app.submissions.submissions import StepForbidden, StepIncomplete, StepNotAllowed
from app.supervision import handling
from app.supervision.handling import NotAHandler, NotAssigned, StepNotOfRole
from app.supervision.look_limits import LookLimitReached
from app.supervision.looks import LookNotFound
from auth import guards

door = Door(
    "desk_steps", guards.staff, "/v1/desk/submissions/<uuid:submission_id>", "The desk handles what is assigned to it."
)

_HANDLED = HandledSchema()
_TAKEN = StepTakenSchema()

_LOOKING = (LookNotFound, NotAHandler, LookLimitReached)
_RULES = (StepForbidden, StepNotAllowed, StepIncomplete, InvalidContent, StepInThePast, *step_rules.REFUSALS)


@door.saves("GET", "/steps", answer=HandledSchema, refuses=_LOOKING)
def read_steps(visit: Visit, submission_id: UUID) -> Response:
    """What I may do now with a submission of my department: masked, with its whole history; recorded as a look."""
    shown = handling.show(visit.work, visit.caller, submission_id, visit.language)
    return _answered(_HANDLED.dump(shown), shown["revision"])


@door.acts(
    "/steps",
    body=StepWishSchema,
    answer=StepTakenSchema,
    headers=(IF_MATCH_OPTIONAL,),
    refuses=(LookNotFound, NotAHandler, NotAssigned, StepNotOfRole, Stale, BadHeader, *_RULES),
)
def take_step(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> Response:
    """Take a step in my own name: the new state, its dates, the notice it made, and what may be done next."""
    name = wish.pop("step")
    items = tuple(Item(**one) for one in wish.pop("items"))
    taken = handling.take(visit.work, visit.caller, submission_id, name, Given(items=items, **wish), visit.revision)
    told = handling.told(visit.work, visit.caller, taken, name, visit.language)
    return _answered(_TAKEN.dump(told), told["revision"])


@door.saves("GET", "/notices", answer=IssuedNoticesSchema, refuses=_LOOKING)
def list_handled_notices(visit: Visit, submission_id: UUID) -> dict[str, Any]:
    """The notices of a submission of my department, masked, the latest first; recorded as a look."""
    return {"items": handling.notices(visit.work, visit.caller, submission_id)}


@door.saves("GET", "/notices/<uuid:notice_id>", answer=IssuedNoticeSchema, refuses=(*_LOOKING, IssuedNoticeNotFound))
def read_handled_notice(visit: Visit, submission_id: UUID, notice_id: UUID) -> dict[str, Any]:
    """One of these notices, masked; recorded as a look."""
    return handling.notice(visit.work, visit.caller, submission_id, notice_id)


def _answered(content: Any, revision: int) -> Response:
    return answers.of(content, headers={"ETag": f'"{revision}"'})
