"""Shapes of sessions: their tokens, the devices that are logged in, and the history of sign-ins."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Flag, Instant, text
from api.schemas.organisations import OrganisationSchema
from app.people import sign_ins


class RefreshSchema(Schema):
    refresh_token = text(1, 200, required=True)


class AccessTokenSchema(Schema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, metadata={"example": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds.", "example": 900})


class TokenPairSchema(AccessTokenSchema):
    refresh_token = fields.String(required=True, metadata={"description": "Good for one use, on this device."})
    refresh_expires_in = fields.Integer(
        required=True, metadata={"description": "Seconds until the session ends if it is not refreshed."}
    )
    session_expires_in = fields.Integer(
        required=True, metadata={"description": "Seconds until the session ends by its age, however often refreshed."}
    )


_NETWORK = {"example": "198.51.100.0/24", "description": "The address without its last part: from where about."}


class SessionSchema(Schema):
    """One device that is logged in."""

    id = fields.UUID(required=True)
    device = fields.String(required=True, metadata={"description": "How the client names itself."})
    network = fields.String(required=True, allow_none=True, metadata=_NETWORK)
    provider = fields.String(required=True, allow_none=True, metadata={"example": "sandbox"})
    method = fields.String(required=True, allow_none=True, metadata={"example": "oidc"})
    level = fields.Integer(required=True, metadata={"example": 3})
    logged_in_at = Instant(required=True)
    last_used_at = Instant(required=True, metadata={"description": "The last login or refresh."})
    expires_at = Instant(required=True, metadata={"description": "Its end if it is not refreshed."})
    organisation = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The organisation that it acts for."}
    )
    current = fields.Boolean(required=True, metadata={"description": "Whether it is the device that asks."})


class SessionListSchema(Schema):
    items = fields.List(fields.Nested(SessionSchema), required=True)


class ActingForSchema(Schema):
    organisation = fields.UUID(
        required=True, allow_none=True, metadata={"description": "One of mine; null: for myself again."}
    )


class ActingSchema(AccessTokenSchema):
    organisation = fields.Nested(OrganisationSchema, required=True, allow_none=True)


class LoggedOutSchema(Schema):
    count = fields.Integer(required=True, metadata={"description": "How many devices were logged out."})


class SignInSchema(Schema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(sign_ins.OUTCOMES),
        metadata={"description": "`stolen`: a refresh token was used that somebody had copied; the session was ended."},
    )
    provider = fields.String(required=True, allow_none=True, metadata={"example": "sandbox"})
    method = fields.String(required=True, allow_none=True, metadata={"example": "oidc"})
    level = fields.Integer(required=True, allow_none=True, metadata={"example": 3})
    device = fields.String(required=True)
    network = fields.String(required=True, allow_none=True, metadata=_NETWORK)


class SignInPageSchema(Schema):
    items = fields.List(fields.Nested(SignInSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ElderModeSchema(Schema):
    enabled = Flag(required=True)


class ElderModeStateSchema(Schema):
    enabled = fields.Boolean(required=True)
    session_expires_in = fields.Integer(required=True, metadata={"description": "Seconds until it ends by its age."})
    idle_seconds = fields.Integer(
        required=True, metadata={"description": "How long a session lasts without a refresh."}
    )
    refresh_expires_in = fields.Integer(
        required=True, metadata={"description": "Seconds until this session ends if it is not refreshed."}
    )
