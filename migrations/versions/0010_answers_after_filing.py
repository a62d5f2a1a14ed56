"""Answers after filing: corrections held apart until they are filed again, and every filing as it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _sealed_only(table: str, column: str) -> sa.CheckConstraint:
    rule = f"octet_length({column}) >= 47 AND get_byte({column}, 0) = 1"
    return sa.CheckConstraint(f"{column} IS NULL OR ({rule})", name=op.f(f"{table}_{column}_sealed_check"))


def upgrade() -> None:
    op.add_column("submissions", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column("submissions", sa.Column("amended", sa.LargeBinary()))
    sealed = "amended IS NULL OR (octet_length(amended) >= 47 AND get_byte(amended, 0) = 1)"
    op.create_check_constraint(op.f("submissions_amended_sealed_check"), "submissions", sealed)
    op.add_column("uploads", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column("uploads", sa.Column("left_out_in", sa.Integer()))
    op.add_column("signatures", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.drop_constraint(op.f("signatures_pk"), "signatures", type_="primary")
    op.create_primary_key(op.f("signatures_pk"), "signatures", ["submission_id", "round"])
    op.create_table(
        "earlier_filings",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("earlier_filings_submission_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", "round", name=op.f("earlier_filings_pk")),
        _sealed_only("earlier_filings", "answers"),
    )
    op.create_table(
        "office_updates",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts > 0", name=op.f("office_updates_attempts_check")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("office_updates_submission_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", "number", name=op.f("office_updates_pk")),
        sa.UniqueConstraint("event_id", name=op.f("office_updates_event_id_key")),
    )
