"""Shapes of queues: for the desk, for residents in them, for supervisors, and for anyone."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.paging import PageQuery
from api.schemas.desk import StaffSubmissionSchema
from api.schemas.fields import Instant, text
from app.submissions.steps import OUT_OF_TURN
from app.supervision import ledger


class QueueServiceSchema(Schema):
    code = fields.String(required=True, metadata={"example": "residence-permit"})
    name = fields.String(required=True)


class OldestSchema(Schema):
    turn = fields.Integer(required=True)
    received_at = Instant(required=True)


class DeskQueueSchema(Schema):
    service = fields.Nested(QueueServiceSchema, required=True)
    limited = fields.Boolean(
        required=True, metadata={"description": "The number is limited: the order of acceptance counts."}
    )
    waiting = fields.Integer(required=True)
    in_hand = fields.Integer(required=True, metadata={"description": "Taken by somebody, and without an end yet."})
    mine = fields.Integer(required=True)
    oldest = fields.Nested(OldestSchema, required=True, allow_none=True)
    due_soonest = fields.Date(required=True, allow_none=True, metadata={"description": "Of those that wait."})


class DeskQueuesSchema(Schema):
    department = fields.String(required=True, metadata={"example": "gongan"})
    unhandled = fields.Integer(
        required=True, metadata={"description": "How many I have in hand without having taken a step."}
    )
    limit = fields.Integer(required=True, metadata={"description": "So many of those at most."})
    items = fields.List(fields.Nested(DeskQueueSchema), required=True)


class TakeSchema(Schema):
    """Why somebody comes before others: a kind that the applicant reads, and words for auditors."""

    reason_kind = fields.String(
        required=True, validate=validate.OneOf(list(OUT_OF_TURN)), metadata={"example": "emergency"}
    )
    reason = text(2, 500, required=True, metadata={"example": "申请人怀孕八个月，现场核实"})


class ReleaseSchema(Schema):
    reason = text(2, 500, required=True, metadata={"example": "休产假"})


class HandOverSchema(ReleaseSchema):
    staff_number = text(1, 50, required=True, metadata={"example": "S0001"})


class TakenSchema(Schema):
    taken_at = Instant(required=True)
    in_turn = fields.Boolean(required=True)
    reason_kind = fields.String(required=True, allow_none=True)
    skipped = fields.Integer(
        required=True, metadata={"description": "How many waited longer; counting ends at a thousand."}
    )
    acceptance_turn = fields.Integer(required=True, allow_none=True)
    submission = fields.Nested(StaffSubmissionSchema, required=True)


class HandlerSchema(Schema):
    submission = fields.UUID(required=True)
    state = fields.String(required=True)
    handler = fields.String(
        required=True, allow_none=True, metadata={"description": "The staff number of who has it in hand."}
    )


class ExpectedSchema(Schema):
    earliest = fields.Date(required=True, allow_none=True)
    until = fields.Date(
        required=True, allow_none=True, metadata={"description": "Null where nothing measured allows to say it."}
    )
    longer_than_usual = fields.Boolean(required=True)
    provisional = fields.Boolean(
        required=True, metadata={"description": "It runs into a year whose holidays are not published yet."}
    )


class BasisSchema(Schema):
    """What the range rests on: working days from receipt to decision, pauses included."""

    days = fields.Integer(required=True, metadata={"description": "Decisions of so many days back were counted."})
    sample = fields.Integer(required=True)
    p50 = fields.Integer(required=True, allow_none=True)
    p90 = fields.Integer(required=True, allow_none=True)
    measured_at = Instant(required=True)


class PlaceSchema(Schema):
    id = fields.UUID(required=True)
    state = fields.String(required=True)
    state_text = fields.String(required=True)
    turn = fields.Integer(required=True)
    acceptance_turn = fields.Integer(required=True, allow_none=True)
    ordered_by = fields.String(required=True, validate=validate.OneOf(["receipt", "acceptance"]))
    waiting = fields.Boolean(required=True)
    before = fields.Integer(
        required=True, allow_none=True, metadata={"description": "So many still wait before it; null when in hand."}
    )
    before_in_acceptance = fields.Integer(
        required=True, allow_none=True, metadata={"description": "So many were accepted earlier and not decided yet."}
    )
    taken = fields.Integer(required=True, allow_none=True)
    expected = fields.Nested(ExpectedSchema, required=True, allow_none=True)
    basis = fields.Nested(BasisSchema, required=True, allow_none=True)
    decision_due = fields.Date(required=True, allow_none=True)
    text = fields.String(required=True)


class OutOfTurnQuery(Schema):
    since = Instant(load_default=None, metadata={"description": "Without it, 30 days back."})
    until = Instant(load_default=None, metadata={"description": "Before this instant."})
    department = text(1, 50, load_default=None, metadata={"example": "gongan"})
    service = text(1, 100, load_default=None)
    staff_number = text(1, 50, load_default=None, metadata={"example": "S0001"})
    reason_kind = fields.String(load_default=None, validate=validate.OneOf(list(OUT_OF_TURN)))


class TakesQuery(OutOfTurnQuery, PageQuery):
    pass


class TakerSchema(Schema):
    number = fields.String(required=True, metadata={"example": "S0001"})
    name = fields.String(required=True)


class _OutOfTurnSchema(Schema):
    department = fields.String(required=True, metadata={"example": "gongan"})
    unit = fields.String(required=True)
    service = fields.Nested(QueueServiceSchema, required=True)
    staff = fields.Nested(TakerSchema, required=True)
    reason_kind = fields.String(required=True, validate=validate.OneOf(list(OUT_OF_TURN)))
    reason_text = fields.String(required=True)
    skipped = fields.Integer(required=True, metadata={"description": "How many waited longer, all together."})


class OutOfTurnGroupSchema(_OutOfTurnSchema):
    takes = fields.Integer(required=True)


class OutOfTurnSchema(Schema):
    since = Instant(required=True)
    until = Instant(required=True, allow_none=True)
    total = fields.Integer(required=True)
    items = fields.List(fields.Nested(OutOfTurnGroupSchema), required=True)


class TakeRecordSchema(_OutOfTurnSchema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    submission = fields.UUID(required=True)
    reference = fields.String(required=True)
    turn = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Masked; null once erased."})


class TakePageSchema(Schema):
    items = fields.List(fields.Nested(TakeRecordSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class OpenQueueSchema(Schema):
    department = fields.String(required=True, metadata={"example": "gongan"})
    unit = fields.String(required=True)
    service = fields.Nested(QueueServiceSchema, required=True)
    ordered_by = fields.String(required=True, validate=validate.OneOf(["receipt", "acceptance"]))
    last_turn = fields.Integer(required=True)
    last_acceptance_turn = fields.Integer(required=True)
    last_taken = fields.Integer(required=True)


class OpenQueuePageSchema(Schema):
    items = fields.List(fields.Nested(OpenQueueSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class LedgerLineSchema(Schema):
    turn = fields.Integer(required=True)
    received_month = fields.String(required=True, metadata={"example": "2026-11"})
    received_on = fields.Date(
        required=True, allow_none=True, metadata={"description": "Null when fewer than five came on that day."}
    )
    received_hour = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Null when fewer than five came in that hour."}
    )
    acceptance_turn = fields.Integer(required=True, allow_none=True)
    taken = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The how-manieth to come out of the line; null while it waits."},
    )
    taken_as = fields.String(required=True, allow_none=True, validate=validate.OneOf(ledger.TAKEN))
    taken_as_text = fields.String(required=True, allow_none=True)
    out_of_turn = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(list(ledger.STATES)))
    state_text = fields.String(required=True)
    decided_on = fields.Date(
        required=True, allow_none=True, metadata={"description": "Null when fewer than five were decided on that day."}
    )


class LedgerPageSchema(Schema):
    department = fields.String(required=True)
    service = fields.String(required=True)
    items = fields.List(fields.Nested(LedgerLineSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
