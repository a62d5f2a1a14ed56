"""Shapes of identities."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.fields import Instant


class IdentitySchema(Schema):
    """One login at one e-ID provider."""

    id = fields.UUID(required=True)
    provider = fields.String(required=True, metadata={"example": "sandbox"})
    level = fields.Integer(
        required=True, allow_none=True, metadata={"example": 3, "description": "What its last login reached."}
    )
    method = fields.String(required=True, allow_none=True, metadata={"example": "oidc"})
    added_at = Instant(required=True)
    last_login_at = Instant(required=True)
    usable = fields.Boolean(required=True, metadata={"description": "Whether this provider is offered now."})
    removable = fields.Boolean(required=True, metadata={"description": "Whether another one is left to log in with."})


class IdentityListSchema(Schema):
    items = fields.List(fields.Nested(IdentitySchema), required=True)
