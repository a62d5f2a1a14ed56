"""Steps at the desk: heads of departments, looks of handling, and the numbered notices that steps make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ROLES = ("clerk", "adviser", "head", "supervisor", "auditor", "administrator")
_LOOKS = "reference document_number phone name submission reading unmasking correction handling"


def upgrade() -> None:
    _recheck("staff", "role", f"role IN {_ROLES}")
    _recheck("looks", "kind", f"kind IN {tuple(_LOOKS.split())}")
    _create_series()
    _create_notices()
    _what_never_changes()


def _recheck(table: str, name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"{table}_{name}_check"), table, type_="check")
    op.create_check_constraint(op.f(f"{table}_{name}_check"), table, rule)


def _create_series() -> None:
    op.create_table(
        "notice_series",
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_number > 0", name=op.f("notice_series_last_number_check")),
        sa.ForeignKeyConstraint(
            ["department_code"], ["departments.code"], name=op.f("notice_series_department_code_fk")
        ),
        sa.PrimaryKeyConstraint("department_code", "series", "year", name=op.f("notice_series_pk")),
    )


def _create_notices() -> None:
    op.create_table(
        "issued_notices",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("history_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "content IS NULL OR (octet_length(content) >= 47 AND get_byte(content, 0) = 1)",
            name=op.f("issued_notices_content_sealed_check"),
        ),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("issued_notices_submission_id_fk")),
        sa.ForeignKeyConstraint(
            ["department_code"], ["departments.code"], name=op.f("issued_notices_department_code_fk")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "history_number"],
            ["history.submission_id", "history.number"],
            name="issued_notices_history_fk",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("issued_notices_pk")),
        sa.UniqueConstraint("submission_id", "history_number", name="issued_notices_step_key"),
        sa.UniqueConstraint("department_code", "series", "year", "serial", name="issued_notices_serial_key"),
    )


def _what_never_changes() -> None:
    """A notice is never changed: its sealed content may be sealed anew, whose hash stands beside it, or be erased."""
    op.execute("""
        CREATE FUNCTION refuse_to_change_a_notice() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'content' = to_jsonb(OLD) - 'content'
               AND (NEW.content IS NULL OR OLD.content IS NOT NULL) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'an issued notice never changes' USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER issued_notices_never_change BEFORE UPDATE OR DELETE ON issued_notices
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change_a_notice()
    """)
