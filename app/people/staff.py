"""Staff: who works at the desks, and what each role may see."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Row, Table, Text, select
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app.database import Work, metadata
from app.identifiers import new_id

ROLES = ("clerk", "adviser", "supervisor", "auditor", "administrator")

# Advisers answer the telephone for the whole province; a clerk only knows their own counter. Auditors read
# records of looks, and administrators the machinery: neither opens a resident's submission.
_LOOKS_ANYWHERE = frozenset({"adviser", "supervisor"})
_LOOKS_AT_HOME = frozenset({"clerk"})

staff = Table(
    "staff",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("staff_number", Text, nullable=False, unique=True),
    # Plain, and not marked as personal: officials act in their own name, and it is on their badge.
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("department_code", Text, ForeignKey("departments.code"), nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    CheckConstraint(f"role IN {ROLES}", name="role"),
)


def hire(work: Work, staff_number: str, name: str, role: str, department_code: str) -> None:
    """Add a member of staff, or bring an existing one up to date."""
    values = {"name": name, "role": role, "department_code": department_code, "active": True}
    statement = insert(staff).values(id=new_id(), staff_number=staff_number, **values)
    work.run(statement.on_conflict_do_update(index_elements=["staff_number"], set_=values))


def active_by_number(work: Work, staff_number: str) -> Row[tuple[UUID, str, str]] | None:
    """The id, role and department_code of an active member of staff."""
    statement = select(staff.c.id, staff.c.role, staff.c.department_code)
    return work.run(statement.where(staff.c.staff_number == staff_number, staff.c.active)).one_or_none()


def visible_departments(role: str, own_department: str) -> tuple[str, ...] | None:
    """The departments whose submissions this role may open; None means all of them."""
    if role in _LOOKS_ANYWHERE:
        return None
    return (own_department,) if role in _LOOKS_AT_HOME else ()
