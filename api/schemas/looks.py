"""Shapes of the records of looks."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.paging import PageQuery
from api.schemas.fields import Instant, text
from app.people.staff import ROLES
from app.supervision.looks import KINDS, OUTCOMES, REASON_KINDS


class LookQuery(PageQuery):
    staff_number = text(1, 50, load_default=None, metadata={"example": "S0001"})
    submission = fields.UUID(load_default=None, metadata={"description": "Looks that showed this submission."})
    since = fields.AwareDateTime(load_default=None, metadata={"description": "From this instant on."})
    until = fields.AwareDateTime(load_default=None, metadata={"description": "Before this instant."})


class LookerSchema(Schema):
    number = fields.String(required=True, metadata={"example": "S0001"})
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    department = fields.String(required=True, metadata={"example": "gongan"})
    unit = fields.String(required=True, metadata={"example": "公安局"})


class ShownSchema(Schema):
    submission = fields.UUID(required=True)
    reference = fields.String(required=True)


class LookUnmaskingSchema(Schema):
    id = fields.UUID(required=True)
    fields_ = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")
    until = Instant(required=True)


class _LookSchema(Schema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(KINDS),
        metadata={"description": "What was searched by, or what was done."},
    )
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    reason_kind = fields.String(required=True, validate=validate.OneOf(list(REASON_KINDS)))
    plain_fields = fields.List(
        fields.String(), required=True, metadata={"description": "Fields seen in plain; empty when all were masked."}
    )


class StaffLookSchema(_LookSchema):
    staff = fields.Nested(LookerSchema, required=True)
    reason = fields.String(required=True, metadata={"description": "The reason given; numbers in it are masked."})
    asked = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The id asked for, which may be of nothing."}
    )
    shown = fields.List(fields.Nested(ShownSchema), required=True)
    unmasking = fields.Nested(LookUnmaskingSchema, required=True, allow_none=True)


class StaffLookPageSchema(Schema):
    items = fields.List(fields.Nested(StaffLookSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class OwnLookSchema(_LookSchema):
    """A look at one's own submission: by role and department, not by name."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    department = fields.String(required=True, metadata={"example": "gongan"})
    unit = fields.String(required=True, metadata={"example": "公安局"})
    text = fields.String(
        required=True,
        metadata={"example": "公安局的窗口人员查看了您的办件，个人信息已遮盖。事由：办事人咨询"},
    )


class OwnLookPageSchema(Schema):
    items = fields.List(fields.Nested(OwnLookSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
