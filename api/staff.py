"""Accounts of staff: administrators manage them, auditors read what administrators did, nobody manages their own."""

from __future__ import annotations

from typing import Any

from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.paging import after_id, after_text, page
from api.schemas.staff import (
    StaffActDoneSchema,
    StaffActSchema,
    StaffChangePageSchema,
    StaffHireSchema,
    StaffPageSchema,
    StaffQuery,
    StaffSignInPageSchema,
)
from app.people import staff_changes, staff_sign_ins
from app.people.staff_changes import OwnAccount, StaffNotManageable
from app.refusals import InvalidContent
from auth import guards, staff_accounts
from auth.staff_accounts import StaffNotFound, StaffNumberTaken

door = Door("staff", guards.staff, "/v1/desk/staff", "Accounts of staff.")


@door.reads("", query=StaffQuery, answer=StaffPageSchema, refuses=(CursorInvalid, StaffNotManageable))
def list_staff(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Who works or worked here, and what they prove themselves with."""
    staff_changes.require_reader(visit.caller.role)
    found = staff_accounts.listing(visit.connection, after_text(query["cursor"]), query["limit"] + 1)
    return page(found, query["limit"], "staff_number")


@door.reads("/changes", query=StaffQuery, answer=StaffChangePageSchema, refuses=(CursorInvalid, StaffNotManageable))
def list_staff_changes(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Who changed whose account, the latest first."""
    staff_changes.require_reader(visit.caller.role)
    found = staff_changes.listing(visit.connection, after_id(query["cursor"]), query["limit"] + 1)
    return page([row._asdict() for row in found], query["limit"], "id")


@door.reads("/sign-ins", query=StaffQuery, answer=StaffSignInPageSchema, refuses=(CursorInvalid, StaffNotManageable))
def list_staff_sign_ins(visit: Visit, query: dict[str, Any]) -> dict[str, Any]:
    """Who of the staff came in, or tried, the latest first."""
    staff_changes.require_reader(visit.caller.role)
    found = staff_sign_ins.listing(visit.connection, after_id(query["cursor"]), query["limit"] + 1)
    return page([row._asdict() for row in found], query["limit"], "id")


@door.acts(
    "",
    status=201,
    body=StaffHireSchema,
    answer=StaffActDoneSchema,
    refuses=(StaffNotManageable, StaffNumberTaken, InvalidContent, OwnAccount),
)
def hire_staff(visit: Visit, wish: dict[str, Any]) -> dict[str, Any]:
    """Take somebody on; a new administrator needs a second administrator who asks for the same within a day."""
    staff_changes.require_administrator(visit.caller.role)
    return staff_accounts.hire(visit.work, visit.caller.id, wish)


@door.acts(
    "/<staff_number>/changes",
    body=StaffActSchema,
    answer=StaffActDoneSchema,
    refuses=(StaffNotManageable, StaffNotFound, OwnAccount, InvalidContent),
)
def change_staff(visit: Visit, wish: dict[str, Any], staff_number: str) -> dict[str, Any]:
    """Move somebody, let them go, reset what they log in with, or unlock them."""
    staff_changes.require_administrator(visit.caller.role)
    return staff_accounts.change(visit.work, visit.caller.id, staff_number, wish.pop("act"), wish)
