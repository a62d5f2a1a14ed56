"""Shapes of the desk: what staff ask and what they see, masked."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Instant, text
from api.schemas.submissions import EventSchema, SubmissionSummarySchema
from app.privacy import restrictions


class LookupSchema(Schema):
    reference = text(1, 40, required=True, metadata={"example": "261122-4839-1027-5663-63"})
    reason = text(2, 200, required=True, metadata={"example": "办事人来电询问进度"})
    legal_reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(list(restrictions.REASONS)),
        metadata={"description": "The reason of the law for which even a restricted submission is opened."},
    )


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


class RestrictedSchema(Schema):
    """The person closed the account; the law keeps the submission in storage and nothing else (PIPL art. 47)."""

    reference = fields.String(required=True)
    since = Instant(required=True)
    until = fields.Date(required=True, allow_none=True, metadata={"description": "Null: for ever."})
    retention = fields.String(required=True, metadata={"example": "10年"})
    law = fields.String(required=True)
    text = fields.String(required=True)
    reasons = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class LookSchema(Schema):
    id = fields.UUID(required=True, metadata={"description": "The record of this look."})
    submission = fields.Nested(
        MaskedSubmissionSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null when there is none that this role may see."},
    )
    restricted = fields.Nested(
        RestrictedSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Why a submission that exists is not shown."},
    )
