"""Shapes of the register of processing activities."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import WordsSchema
from api.schemas.notices import NoticeServiceSchema
from app.privacy.purposes import BASES, KINDS_OF_CONSENT


class ActivityKindSchema(Schema):
    code = fields.String(required=True, metadata={"example": "residents.phone"})
    label = fields.Nested(WordsSchema, required=True)
    purpose = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    sensitive = fields.Boolean(required=True)


class AssessmentSchema(Schema):
    """The impact assessment that PIPL art. 55 asks for."""

    needed = fields.Boolean(required=True)
    because = fields.List(fields.String(validate=validate.OneOf(["sensitive", "sharing"])), required=True)
    record = fields.String(
        required=True, allow_none=True, metadata={"description": "Where it lies; null while it is needed is a fault."}
    )


class ActivitySchema(Schema):
    code = fields.String(required=True, metadata={"example": "accounts"})
    name = fields.Nested(WordsSchema, required=True)
    service = fields.Nested(NoticeServiceSchema, required=True, allow_none=True)
    basis = fields.String(required=True, validate=validate.OneOf(BASES))
    required = fields.Boolean(required=True)
    consents = fields.List(fields.String(validate=validate.OneOf(KINDS_OF_CONSENT)), required=True)
    kinds = fields.List(fields.Nested(ActivityKindSchema), required=True)
    recipients = fields.List(fields.Nested(WordsSchema), required=True)
    storage = fields.List(fields.String(), required=True, metadata={"description": "Sealed columns."})
    retention = fields.Nested(WordsSchema, required=True)
    assessment = fields.Nested(AssessmentSchema, required=True)


class RegisterSchema(Schema):
    items = fields.List(fields.Nested(ActivitySchema), required=True)
