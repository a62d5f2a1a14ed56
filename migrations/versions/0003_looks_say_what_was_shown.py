"""Looks say what kind they were and what they showed; unmaskings; how often somebody looks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

KINDS = "('reference', 'document_number', 'phone', 'name', 'submission', 'reading', 'unmasking', 'correction')"
OUTCOMES = "('shown', 'listed', 'nothing', 'too_many', 'restricted', 'granted', 'not_allowed', 'limited')"
REASON_KINDS = "('inquiry', 'handling', 'verification', 'complaint', 'supervision', 'other')"


def upgrade() -> None:
    op.create_table(
        "look_counts",
        sa.Column("staff_id", sa.UUID(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("look_counts_staff_id_fk")),
        sa.PrimaryKeyConstraint("staff_id", "hour", name=op.f("look_counts_pk")),
    )
    op.create_table(
        "unmaskings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("until > at AND cardinality(fields) > 0", name=op.f("unmaskings_bounded_check")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("unmaskings_staff_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("unmaskings_submission_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("unmaskings_pk")),
    )
    op.create_index(
        op.f("unmaskings_submission_id_staff_id_until_idx"), "unmaskings", ["submission_id", "staff_id", "until"]
    )
    _widen_looks()
    op.create_table(
        "looks_shown",
        sa.Column("look_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=True),
        sa.Column("submission_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(["look_id"], ["looks.id"], name=op.f("looks_shown_look_id_fk")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("looks_shown_resident_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("looks_shown_submission_id_fk")),
        sa.PrimaryKeyConstraint("look_id", "number", name=op.f("looks_shown_pk")),
    )
    op.create_index(op.f("looks_shown_submission_id_look_id_idx"), "looks_shown", ["submission_id", "look_id"])
    op.create_index(op.f("looks_shown_resident_id_look_id_idx"), "looks_shown", ["resident_id", "look_id"])
    op.execute(
        "INSERT INTO looks_shown (look_id, number, resident_id, submission_id)"
        " SELECT l.id, 1, s.applicant_id, s.id FROM looks l JOIN submissions s ON s.id = l.submission_id"
    )
    op.drop_column("looks", "submission_id")
    op.drop_column("looks", "reference")


def _widen_looks() -> None:
    """Every look so far was by reference; what was typed is gone with the column, found or not."""
    for column in ("role", "department_code", "kind", "outcome", "reason_kind"):
        op.add_column("looks", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("looks", sa.Column("term_index", sa.LargeBinary(), nullable=True))
    op.add_column("looks", sa.Column("asked_id", sa.UUID(), nullable=True))
    op.add_column("looks", sa.Column("plain_fields", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("looks", sa.Column("unmasking_id", sa.UUID(), nullable=True))
    op.execute(
        "UPDATE looks l SET role = s.role, department_code = s.department_code, kind = 'reference',"
        " reason_kind = 'other', outcome = CASE WHEN l.submission_id IS NULL THEN 'nothing' ELSE 'shown' END"
        " FROM staff s WHERE s.id = l.staff_id"
    )
    for column in ("role", "department_code", "kind", "outcome", "reason_kind"):
        op.alter_column("looks", column, nullable=False)
    op.create_foreign_key(op.f("looks_department_code_fk"), "looks", "departments", ["department_code"], ["code"])
    op.create_foreign_key(op.f("looks_unmasking_id_fk"), "looks", "unmaskings", ["unmasking_id"], ["id"])
    op.create_check_constraint(op.f("looks_kind_check"), "looks", f"kind IN {KINDS}")
    op.create_check_constraint(op.f("looks_outcome_check"), "looks", f"outcome IN {OUTCOMES}")
    op.create_check_constraint(op.f("looks_reason_kind_check"), "looks", f"reason_kind IN {REASON_KINDS}")
    op.create_index(op.f("looks_staff_id_id_idx"), "looks", ["staff_id", "id"])
