"""Shapes of organisations and of those who may act for them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Instant, text
from app.people.identities import HANDLER, LEGAL_REPRESENTATIVE


class OrganisationSchema(Schema):
    """An organisation, and by what the caller may act for it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    credit_code = fields.String(required=True, metadata={"example": "91110000600037341L"})
    role = fields.String(required=True, validate=validate.OneOf([LEGAL_REPRESENTATIVE, HANDLER]))
    services = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"description": "Codes; null: every service."}
    )
    ends_on = fields.Date(required=True, allow_none=True, metadata={"description": "The last day; null: no end."})


class OrganisationListSchema(Schema):
    items = fields.List(fields.Nested(OrganisationSchema), required=True)


class HandlerWishSchema(Schema):
    """Whom to authorise, for what, and how long: all three are named (民法典 第一百六十五条)."""

    name = text(1, 100, required=True, metadata={"example": "张伟"})
    document_number = text(5, 40, required=True, metadata={"example": "532399199001010018"})
    services = fields.List(
        text(1, 100),
        required=True,
        validate=validate.Length(1, 50),
        metadata={"description": "Codes of services.", "example": ["food-business-licence"]},
    )
    starts_on = fields.Date(load_default=None, allow_none=True, metadata={"description": "Today if unsaid."})
    ends_on = fields.Date(required=True, metadata={"description": "The last day, within three years."})


class HandlerSchema(Schema):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    document_number = fields.String(required=True, metadata={"example": "532***********0018"})
    services = fields.List(fields.String(), required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    stands = fields.Boolean(required=True, metadata={"description": "Whether it holds today."})
    created_at = Instant(required=True)
    revoked_at = Instant(required=True, allow_none=True)


class HandlerListSchema(Schema):
    items = fields.List(fields.Nested(HandlerSchema), required=True)
