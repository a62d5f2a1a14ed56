"""Shapes of staff accounts."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.paging import PageQuery
from api.schemas.fields import Instant, text
from app.people import staff_sign_ins
from app.people.staff import ROLES
from auth.staff_accounts import ACTS


class StaffHireSchema(Schema):
    staff_number = fields.String(
        required=True, validate=validate.Regexp(r"^[A-Za-z0-9._-]{1,50}$"), metadata={"example": "S0042"}
    )
    name = text(1, 50, required=True, metadata={"example": "陈静"})
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    department = text(1, 50, required=True, metadata={"example": "gongan"})


class StaffActSchema(Schema):
    act = fields.String(required=True, validate=validate.OneOf(sorted(ACTS)))
    role = fields.String(validate=validate.OneOf(ROLES))
    department = text(1, 50, metadata={"example": "minzheng"})

    @validates_schema
    def _where_to(self, content: dict[str, Any], **more: Any) -> None:
        given = content.keys() & {"role", "department"}
        if content.get("act") == "moved" and given != {"role", "department"}:
            raise ValidationError("`moved` needs role and department.")
        if content.get("act") != "moved" and given:
            raise ValidationError("Only `moved` takes role and department.")


class StaffActDoneSchema(Schema):
    state = fields.String(
        required=True, validate=validate.OneOf(["done", "awaiting_second_administrator"]), metadata={"example": "done"}
    )
    first_password = fields.String(metadata={"description": "To hand over in person; shown this once."})


class StaffSchema(Schema):
    staff_number = fields.String(required=True, metadata={"example": "S0001"})
    name = fields.String(required=True)
    role = fields.String(required=True, metadata={"example": "clerk"})
    department = fields.String(required=True, metadata={"example": "gongan"})
    active = fields.Boolean(required=True)
    has_password = fields.Boolean(required=True)
    has_totp = fields.Boolean(required=True)
    has_passkey = fields.Boolean(required=True)
    locked = fields.Boolean(required=True)


class StaffPageSchema(Schema):
    items = fields.List(fields.Nested(StaffSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class StaffChangeSchema(Schema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    actor = fields.String(
        required=True, allow_none=True, metadata={"description": "Staff number; null for a command on the machine."}
    )
    staff_number = fields.String(required=True)
    act = fields.String(required=True, metadata={"example": "factors_reset"})
    facts = fields.Dict(required=True)
    asked = fields.Boolean(required=True, metadata={"description": "Only asked for: another administrator decides."})


class StaffChangePageSchema(Schema):
    items = fields.List(fields.Nested(StaffChangeSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class StaffSignInSchema(Schema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    staff_number = fields.String(
        required=True, allow_none=True, metadata={"description": "Null for a number that no member of staff has."}
    )
    outcome = fields.String(required=True, validate=validate.OneOf(staff_sign_ins.OUTCOMES))
    reason = fields.String(required=True, allow_none=True, metadata={"example": "staff_password: wrong"})
    device = fields.String(required=True, metadata={"description": "How the client names itself."})
    network = fields.String(
        required=True,
        allow_none=True,
        metadata={"example": "198.51.100.0/24", "description": "The address without its last part."},
    )


class StaffSignInPageSchema(Schema):
    items = fields.List(fields.Nested(StaffSignInSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class StaffQuery(PageQuery):
    """A page of staff, of changes or of sign-ins."""
