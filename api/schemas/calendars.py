"""Shapes of calendars."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Instant, text


class CalendarYearSchema(Schema):
    days_off = fields.List(
        fields.Date(),
        required=True,
        validate=validate.Length(1, 60),
        metadata={"description": "Days off from Monday to Friday.", "example": ["2027-01-01"]},
    )
    worked = fields.List(
        fields.Date(),
        required=True,
        validate=validate.Length(0, 30),
        metadata={"description": "Saturdays and Sundays that are worked.", "example": ["2027-02-20"]},
    )
    title = text(4, 200, required=True, metadata={"example": "国务院办公厅关于2027年部分节假日安排的通知"})
    number = text(2, 100, required=True, metadata={"example": "国办发明电〔2026〕8号"})


class LoadedSchema(Schema):
    year = fields.Integer(required=True)
    version = fields.Integer(required=True)


class CalendarVersionSchema(LoadedSchema):
    days_off = fields.List(fields.Date(), required=True)
    worked = fields.List(fields.Date(), required=True)
    title = fields.String(required=True)
    number = fields.String(required=True)
    loaded_by = fields.String(required=True, metadata={"description": "`staff:<id>`, or `system:files`."})
    loaded_at = Instant(required=True)
    recounted = fields.Integer(
        required=True, metadata={"description": "Open submissions that were counted anew by this version so far."}
    )
    moved = fields.Integer(required=True, metadata={"description": "How many of them had a date that moved."})
    recount_ended_at = Instant(
        required=True, allow_none=True, metadata={"description": "null while a worker is still counting."}
    )


class CalendarVersionListSchema(Schema):
    items = fields.List(fields.Nested(CalendarVersionSchema), required=True)


class TouchedSchema(Schema):
    submission = fields.UUID(required=True)
    reference = fields.String(required=True, allow_none=True)
    department = fields.String(required=True)
    at = Instant(required=True)
    moved = fields.Dict(required=True, metadata={"description": "Each date that moved: `{decision: {before, after}}`."})


class TouchedPageSchema(CalendarVersionSchema):
    items = fields.List(fields.Nested(TouchedSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
