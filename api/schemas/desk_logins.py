"""Shapes of logins of staff: steps, second factors, and what enrols them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.schemas.fields import Instant, text
from auth.staff_steps import PASSKEY, RECOVERY_CODE, TOTP

_TICKET = {"description": "From the step before; good for this step of this login alone."}


class StaffPasswordSchema(Schema):
    staff_number = text(1, 50, required=True, metadata={"example": "S0001"})
    password = text(1, 500, required=True)


class DeskStepSchema(Schema):
    """What comes next in a login of staff; with `done` come the tokens."""

    next = fields.String(
        required=True,
        validate=validate.OneOf(["second_factor", "new_password", "enrol", "done"]),
        metadata={"example": "second_factor"},
    )
    id = fields.UUID(metadata={"description": "Of this login, until it is done."})
    ticket = fields.String(metadata={"description": "Show it at the next step."})
    expires_at = Instant()
    second_factors = fields.List(fields.String(), metadata={"description": "What this person can show."})
    recovery_codes = fields.List(fields.String(), metadata={"description": "To print; each is good once."})
    access_token = fields.String()
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = fields.Integer(metadata={"description": "Seconds.", "example": 900})
    refresh_token = fields.String(metadata={"description": "Good for one use."})
    refresh_expires_in = fields.Integer(metadata={"description": "Seconds."})


class TicketSchema(Schema):
    ticket = text(1, 200, required=True, metadata=_TICKET)


class _ShownSchema(TicketSchema):
    totp = text(1, 20, metadata={"example": "287082"})
    passkey = fields.Dict(metadata={"description": "The PublicKeyCredential of the browser, as JSON (WebAuthn §5.1)."})

    @validates_schema
    def _one_of_them(self, content: dict[str, Any], **more: Any) -> None:
        if len(content.keys() & {TOTP, PASSKEY, RECOVERY_CODE}) != 1:
            raise ValidationError("Show exactly one second factor.")


class SecondFactorSchema(_ShownSchema):
    recovery_code = text(1, 50, metadata={"example": "ABCD-EFGH-JKLM-NPQR"})
    wish = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(["new_password", "enrol"]),
        metadata={"description": "Change the password, or enrol another factor, before entering."},
    )


class NewFactorSchema(_ShownSchema):
    """The first answer of a factor that is being enrolled."""


class NewPasswordSchema(TicketSchema):
    password = text(1, 500, required=True)


class EnrolmentSchema(TicketSchema):
    kind = fields.String(required=True, validate=validate.OneOf([TOTP, PASSKEY]))


class PasskeyOptionsSchema(Schema):
    passkey = fields.Dict(required=True, metadata={"description": "`publicKey` for navigator.credentials.get."})


class NewTotpSchema(Schema):
    secret = fields.String(required=True, metadata={"description": "In base32, to be typed into an app."})
    address = fields.String(required=True, metadata={"description": "otpauth://, to be shown as a QR code."})


class EnrolmentBegunSchema(Schema):
    totp = fields.Nested(NewTotpSchema)
    passkey = fields.Dict(metadata={"description": "`publicKey` for navigator.credentials.create."})


def shown(content: dict[str, Any]) -> tuple[str, Any]:
    """The one second factor in a body: its kind, and what was shown."""
    kind = next(kind for kind in (TOTP, PASSKEY, RECOVERY_CODE) if kind in content)
    return kind, content[kind]
