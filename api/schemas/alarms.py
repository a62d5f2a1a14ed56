"""Shapes of alarms and digests."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.paging import PageQuery
from api.schemas.fields import Flag, Instant, text
from app.supervision.alarms import LEVELS, TOLD, WATCHED

_CLOCKS = [one.clock for one in WATCHED]


class AlarmQuery(PageQuery):
    level = fields.String(load_default=None, validate=validate.OneOf(LEVELS))
    clock = fields.String(load_default=None, validate=validate.OneOf(_CLOCKS))
    closed = fields.Boolean(load_default=False, metadata={"description": "Those that do not stand any more instead."})


class AlarmSchema(Schema):
    id = fields.UUID(required=True)
    submission = fields.UUID(required=True, attribute="submission_id")
    reference = fields.String(required=True, allow_none=True)
    service = fields.String(required=True)
    department = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "Of the submission, at this moment."})
    clock = fields.String(required=True, validate=validate.OneOf(_CLOCKS))
    due_date = fields.Date(required=True)
    level = fields.String(
        required=True,
        validate=validate.OneOf(LEVELS),
        metadata={"description": "near 预警, yellow 黄牌 (overdue), red 红牌 (three working days overdue)."},
    )
    told = fields.String(
        required=True, validate=validate.OneOf(TOLD), metadata={"description": "Up to whom it has climbed."}
    )
    raised_at = Instant(required=True)
    told_at = Instant(required=True)
    acknowledged_at = Instant(required=True, allow_none=True)
    words = fields.String(required=True, allow_none=True, metadata={"description": "What is done about it."})
    closed_at = Instant(required=True, allow_none=True)


class AlarmPageSchema(Schema):
    items = fields.List(fields.Nested(AlarmSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AcknowledgementOfAlarmSchema(Schema):
    words = text(2, 500, required=True, metadata={"example": "材料已补齐，明日上午出具决定"})


class NamedSubmissionSchema(Schema):
    submission = fields.UUID(required=True)
    reference = fields.String(required=True)


class CountSchema(Schema):
    count = fields.Integer(required=True)
    oldest = fields.List(fields.Nested(NamedSubmissionSchema), required=True)


class DigestSchema(Schema):
    day = fields.Date(required=True)
    made_at = Instant(required=True)
    due_today = fields.Nested(CountSchema, required=True)
    overdue = fields.Nested(CountSchema, required=True)
    waiting_longest = fields.Nested(CountSchema, required=True)
    unacknowledged = fields.Nested(
        CountSchema, required=True, metadata={"description": "Alarms that nobody has acknowledged."}
    )
    handovers_failing = fields.Nested(
        CountSchema, required=True, metadata={"description": "Cases that their office's system has not taken."}
    )
    next_calendar_missing = Flag(
        required=True, metadata={"description": "The notice of the next year was not loaded: an administrator should."}
    )
