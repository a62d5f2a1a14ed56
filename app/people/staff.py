"""Staff: who works at the desks, and what each role may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Connection, ForeignKey, Row, Table, Text, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert

from app.database import Work, metadata
from app.identifiers import new_id

ROLES = ("clerk", "head", "adviser", "supervisor", "auditor", "administrator")

LOOK = "look"
"""Open residents' submissions, masked."""

UNMASK = "unmask"
"""See a field of a submission in plain, for a while, for a stated reason."""

READ_LOOKS = "read_looks"
"""Read who looked at what, and why."""

CORRECT = "correct"
"""Verify and decide what residents want corrected about themselves; no department owns that."""

# Advisers answer the telephone for the whole province, and a mask is enough for that; a clerk only knows their own
# counter, where the papers lie open. The head of a department answers for its deadlines: they approve extensions and
# get its alarms, for which a masked submission is enough. Auditors read records of looks, and administrators the
# machinery: neither opens a resident's submission.
_RIGHTS: dict[str, frozenset[str]] = {
    "clerk": frozenset({LOOK, UNMASK}),
    "head": frozenset({LOOK}),
    "adviser": frozenset({LOOK, CORRECT}),
    "supervisor": frozenset({LOOK, READ_LOOKS, CORRECT}),
    "auditor": frozenset({READ_LOOKS}),
    "administrator": frozenset(),
}
_LOOKS_ANYWHERE = frozenset({"adviser", "supervisor"})

ROLE_WORDS = {
    "clerk": {"zh": "窗口人员", "en": "clerk"},
    "head": {"zh": "负责人", "en": "head of the department"},
    "adviser": {"zh": "帮办员", "en": "adviser"},
    "supervisor": {"zh": "监督员", "en": "supervisor"},
    "auditor": {"zh": "审计员", "en": "auditor"},
    "administrator": {"zh": "管理员", "en": "administrator"},
}

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


def hire(work: Work, staff_number: str, name: str, role: str, department_code: str, *, active: bool = True) -> UUID:
    """Add a member of staff, or bring an existing one up to date; their id."""
    values = {"name": name, "role": role, "department_code": department_code, "active": active}
    statement = insert(staff).values(id=new_id(), staff_number=staff_number, **values)
    statement = statement.on_conflict_do_update(index_elements=["staff_number"], set_=values)
    return UUID(str(work.run(statement.returning(staff.c.id)).scalar_one()))


def locked(work: Work, staff_number: str) -> Row[Any] | None:
    """Whoever has, or had, this number, under their row lock; None for nobody."""
    return work.run(select(staff).where(staff.c.staff_number == staff_number).with_for_update()).one_or_none()


def change(work: Work, staff_id: UUID, **values: Any) -> None:
    """Change a member of staff's name, role, department_code or active."""
    work.run(update(staff).where(staff.c.id == staff_id).values(**values))


def active_by_number(work: Work, staff_number: str) -> Row[tuple[UUID, str, str]] | None:
    """The id, role and department_code of an active member of staff, who is let go only when this work is done: else
    somebody could come in while all their sessions are being ended."""
    statement = select(staff.c.id, staff.c.role, staff.c.department_code).with_for_update(read=True, key_share=True)
    return work.run(statement.where(staff.c.staff_number == staff_number, staff.c.active)).one_or_none()


def id_of(connection: Connection, staff_number: str) -> UUID | None:
    """Whoever has, or had, this number; None for nobody."""
    return connection.execute(select(staff.c.id).where(staff.c.staff_number == staff_number)).scalar_one_or_none()


def may(role: str, right: str) -> bool:
    """Whether the role has LOOK, UNMASK, READ_LOOKS or CORRECT; a role that nobody knows has none."""
    return right in _RIGHTS.get(role, frozenset())


def visible_departments(role: str, own_department: str) -> tuple[str, ...] | None:
    """The departments whose submissions this role may open; None means all of them."""
    if not may(role, LOOK):
        return ()
    return None if role in _LOOKS_ANYWHERE else (own_department,)
