"""Shapes of the desk: what staff ask and what they see, masked."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.fields import text
from api.schemas.submissions import EventSchema, SubmissionSummarySchema


class LookupSchema(Schema):
    reference = text(1, 40, required=True, metadata={"example": "261122-4839-1027-5663-63"})
    reason = text(2, 200, required=True, metadata={"example": "办事人来电询问进度"})


class MaskedApplicantSchema(Schema):
    name = fields.String(required=True, metadata={"example": "李**"})
    document_type = fields.String(required=True)
    document_number = fields.String(required=True, metadata={"example": "532***********1234"})
    phone = fields.String(required=True, allow_none=True, metadata={"example": "138****5678"})


class MaskedAnswerSchema(Schema):
    label = fields.String(required=True)
    value = fields.Raw(required=True, allow_none=True)


class MaskedSubmissionSchema(SubmissionSummarySchema):
    turn = fields.Integer(required=True, allow_none=True)
    applicant = fields.Nested(MaskedApplicantSchema, required=True)
    answers = fields.List(fields.Nested(MaskedAnswerSchema), required=True)
    events = fields.List(fields.Nested(EventSchema), required=True)


class LookSchema(Schema):
    id = fields.UUID(required=True, metadata={"description": "The record of this look."})
    submission = fields.Nested(
        MaskedSubmissionSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null when there is none that this role may see."},
    )
