"""Queues at the desk: the next one is called, another one is taken for a reason, and what is held is given back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.doors import Door, Visit
from api.schemas.queues import (
    DeskQueuesSchema,
    HandlerSchema,
    HandOverSchema,
    ReleaseSchema,
    TakenSchema,
    TakeSchema,
)
from app.submissions.submissions import StepForbidden, StepNotAllowed
from app.supervision import assignments, desk_overviews
from app.supervision.assignments import (
    AlreadyTaken,
    HandlerNotFound,
    NotTaken,
    NotYours,
    QueueEmpty,
    QueueNotFound,
    TooManyUnhandled,
)
from app.supervision.looks import LookNotFound
from auth import guards

door = Door("desk_queues", guards.staff, "/v1/desk/queues", "The queues of my department.")
take_door = Door("desk_takes", guards.staff, "/v1/desk/submissions", "Who has a submission in hand.")


@door.reads("", answer=DeskQueuesSchema, refuses=(StepForbidden,))
def list_desk_queues(visit: Visit) -> dict[str, Any]:
    """How many wait in each queue, who waits longest, and what must be done first."""
    return desk_overviews.overview(visit.connection, visit.caller, visit.language)


@door.acts(
    "/<department>/<service>/next",
    answer=TakenSchema,
    refuses=(StepForbidden, QueueNotFound, QueueEmpty, TooManyUnhandled),
)
def call_next(visit: Visit, department: str, service: str) -> dict[str, Any]:
    """Be given the submission that waits longest; it is mine to handle from here on."""
    return assignments.give_next(visit.work, visit.caller, department, service, visit.language)


@take_door.acts(
    "/<uuid:submission_id>/take",
    body=TakeSchema,
    answer=TakenSchema,
    refuses=(StepForbidden, LookNotFound, AlreadyTaken, StepNotAllowed, TooManyUnhandled),
)
def take_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Take up one before its turn: the applicant and supervisors see it, with its reason."""
    args = (visit.work, visit.caller, submission_id, wish["reason_kind"], wish["reason"], visit.language)
    return assignments.take(*args)


@take_door.acts(
    "/<uuid:submission_id>/release",
    body=ReleaseSchema,
    answer=HandlerSchema,
    refuses=(StepForbidden, LookNotFound, NotTaken, NotYours, StepNotAllowed),
)
def release_submission(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Give back what I have in hand, or as head what anybody has; it waits in its old place."""
    return assignments.give_back(visit.work, visit.caller, submission_id, wish["reason"])


@take_door.acts(
    "/<uuid:submission_id>/hand-over",
    body=HandOverSchema,
    answer=HandlerSchema,
    refuses=(StepForbidden, LookNotFound, NotTaken, HandlerNotFound, StepNotAllowed),
)
def hand_submission_over(visit: Visit, wish: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """As head, hand what somebody has in hand to another clerk of the department."""
    args = (visit.work, visit.caller, submission_id, wish["staff_number"], wish["reason"])
    return assignments.hand_over(*args)
