"""Clocks: the dates of every clock, calendars that staff load, alarms, and the digests of each morning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

_ROLES = ("clerk", "head", "adviser", "supervisor", "auditor", "administrator")
_CLOCKS = ("acceptance", "decision", "delivery", "correction", "suspension")
_WAITING = {
    "acceptance": "state = 'received'",
    "decision": "state IN ('accepted', 'in_review')",
    "delivery": "state = 'approved'",
    "correction": "state = 'correcting'",
    "promise": "promise_due IS NOT NULL",
    "suspension": "state = 'suspended'",
}


def upgrade() -> None:
    op.drop_constraint(op.f("staff_role_check"), "staff", type_="check")
    op.create_check_constraint(op.f("staff_role_check"), "staff", f"role IN {_ROLES}")
    for name in ("delivery", "correction", "promise", "suspension"):
        op.add_column("submissions", sa.Column(f"{name}_due", sa.Date()))
    for name in ("decision_noon", "extended"):
        op.add_column("submissions", sa.Column(name, sa.Boolean(), nullable=False, server_default="false"))
    for name, waiting in _WAITING.items():
        op.create_index(
            f"submissions_{name}_due_idx", "submissions", [f"{name}_due"], postgresql_where=sa.text(waiting)
        )
    op.create_index(
        "history_recounts_idx",
        "history",
        [sa.text("(terms ->> 'calendar')")],
        postgresql_where=sa.text("step = 'recount'"),
    )
    _calendar_years()
    _alarms()
    op.create_table(
        "digests",
        sa.Column("staff_id", sa.UUID(), sa.ForeignKey("staff.id"), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
    )


def _calendar_years() -> None:
    op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("days_off", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("worked", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("loaded_by", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recount_after", sa.UUID()),
        sa.Column("recounted", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("moved", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("recount_ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("version > 0 AND year BETWEEN 2000 AND 2999", name=op.f("calendar_years_version_check")),
    )


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("submission_id", sa.UUID(), sa.ForeignKey("submissions.id"), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("department_code", sa.Text(), sa.ForeignKey("departments.code"), nullable=False),
        sa.Column("handler_id", sa.UUID(), sa.ForeignKey("staff.id")),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_by", sa.UUID(), sa.ForeignKey("staff.id")),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("words", sa.LargeBinary()),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("submission_id", "clock", "due_date", "level", name="alarms_once_key"),
        sa.CheckConstraint(f"clock IN {_CLOCKS}", name=op.f("alarms_clock_check")),
        sa.CheckConstraint("level IN ('near', 'yellow', 'red')", name=op.f("alarms_level_check")),
        sa.CheckConstraint("told IN ('handler', 'head', 'supervisor')", name=op.f("alarms_told_check")),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name=op.f("alarms_acknowledged_check")
        ),
        sa.CheckConstraint(
            "words IS NULL OR (octet_length(words) >= 47 AND get_byte(words, 0) = 1)",
            name=op.f("alarms_words_sealed_check"),
        ),
    )
    standing = sa.text("closed_at IS NULL")
    op.create_index("alarms_standing_idx", "alarms", ["department_code", "id"], postgresql_where=standing)
    op.create_index(
        "alarms_climbing_idx",
        "alarms",
        ["told_at"],
        postgresql_where=sa.text("closed_at IS NULL AND acknowledged_at IS NULL"),
    )
