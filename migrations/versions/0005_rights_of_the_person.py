"""Rights of the person: copies, corrections, erasures, restriction, and the end of retention."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_OLD_FILED = (
    "(state = 'draft') = (reference IS NULL) AND (state = 'draft') = (received_at IS NULL)"
    " AND (state = 'draft') = (turn IS NULL) AND (state = 'draft') = (content_sha256 IS NULL)"
)


def _instant(name: str, **options: object) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def _sealed_only(table: str, column: str) -> sa.CheckConstraint:
    rule = f"octet_length({column}) >= 47 AND get_byte({column}, 0) = 1"
    return sa.CheckConstraint(f"{column} IS NULL OR ({rule})", name=op.f(f"{table}_{column}_sealed_check"))


def upgrade() -> None:
    _residents_and_submissions()
    _copies()
    _corrections()
    _erasures_and_purges()


def _residents_and_submissions() -> None:
    op.add_column("residents", _instant("closed_at"))
    for index in ("name_index", "document_number_index"):
        op.alter_column("residents", index, nullable=True)
    op.create_check_constraint(
        op.f("residents_found_check"),
        "residents",
        "closed_at IS NOT NULL OR (name_index IS NOT NULL AND document_number_index IS NOT NULL)",
    )
    for name in ("completed_at", "warned_at", "restricted_at", "erased_at"):
        op.add_column("submissions", _instant(name))
    for column in ("applicant_id", "answers"):
        op.alter_column("submissions", column, nullable=True)
    op.execute(
        "UPDATE submissions s SET completed_at = (SELECT max(h.at) FROM history h WHERE h.submission_id = s.id)"
        " WHERE s.state IN ('declined', 'refused', 'completed')"
    )
    op.drop_constraint("submissions_filed_check", "submissions")
    op.create_check_constraint(
        op.f("submissions_filed_check"), "submissions", f"erased_at IS NOT NULL OR ({_OLD_FILED})"
    )
    op.create_check_constraint(
        op.f("submissions_erased_check"),
        "submissions",
        "(erased_at IS NULL) = (applicant_id IS NOT NULL) AND (erased_at IS NULL) = (answers IS NOT NULL)",
    )
    op.create_index(
        "submissions_kept_idx",
        "submissions",
        ["service_code", "service_version", "completed_at"],
        postgresql_where=sa.text("completed_at IS NOT NULL AND erased_at IS NULL"),
    )
    op.create_index(
        "submissions_expires_idx", "submissions", ["expires_at"], postgresql_where=sa.text("state = 'draft'")
    )
    op.create_index("looks_at_idx", "looks", ["at"])


def _copies() -> None:
    op.create_table(
        "copies",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        _instant("created_at", nullable=False),
        _instant("expires_at", nullable=False),
        sa.CheckConstraint("state IN ('building', 'ready')", name=op.f("copies_state_check")),
        sa.CheckConstraint("done BETWEEN 0 AND total", name=op.f("copies_done_check")),
        _sealed_only("copies", "secret"),
        _sealed_only("copies", "plan"),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("copies_resident_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("copies_pk")),
    )
    op.create_index("copies_resident_id_id_idx", "copies", ["resident_id", "id"])
    op.create_index("copies_expires_at_idx", "copies", ["expires_at"])


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claim", sa.LargeBinary(), nullable=False),
        sa.Column("old_value", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        _instant("created_at", nullable=False),
        _instant("decided_at"),
        sa.Column("decided_by", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "field IN ('phone', 'answer', 'other', 'name', 'document_number')", name=op.f("corrections_field_check")
        ),
        sa.CheckConstraint(
            "state IN ('received', 'granted', 'refused', 'by_login')", name=op.f("corrections_state_check")
        ),
        sa.CheckConstraint("(state = 'received') = (decided_at IS NULL)", name=op.f("corrections_decided_check")),
        sa.CheckConstraint(
            "(state IN ('granted', 'refused')) = (answer IS NOT NULL)"
            " AND (state IN ('granted', 'refused')) = (decided_by IS NOT NULL)",
            name=op.f("corrections_answered_check"),
        ),
        *(_sealed_only("corrections", column) for column in ("claim", "old_value", "answer")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("corrections_resident_id_fk")),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("corrections_decided_by_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("corrections_pk")),
    )
    op.create_index("corrections_resident_id_id_idx", "corrections", ["resident_id", "id"])
    op.create_index("corrections_state_id_idx", "corrections", ["state", "id"])


def _erasures_and_purges() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("destroyed_keys", sa.Integer(), nullable=False),
        sa.Column("kept_until", sa.Date(), nullable=True),
        _instant("confirmed_at", nullable=False),
        _instant("finished_at"),
        sa.CheckConstraint("state IN ('confirmed', 'restricted', 'done')", name=op.f("erasures_state_check")),
        sa.CheckConstraint(
            "(state = 'done') = (resident_id IS NULL) AND (state = 'done') = (finished_at IS NOT NULL)",
            name=op.f("erasures_done_check"),
        ),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("erasures_resident_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("erasures_pk")),
    )
    op.create_index("erasures_resident_id_idx", "erasures", ["resident_id"], unique=True)
    op.create_index("erasures_state_idx", "erasures", ["state", "confirmed_at"])
    op.create_table(
        "removals",
        sa.Column("prefix", sa.Text(), nullable=False),
        _instant("removed_at"),
        _instant("again_at", nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("removals_pk")),
    )
    op.create_table(
        "purges",
        sa.Column("id", sa.UUID(), nullable=False),
        _instant("at", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("retention_class", sa.Text(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        _instant("oldest", nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("purges_count_check")),
        sa.CheckConstraint("started_by IN ('command', 'nightly')", name=op.f("purges_started_by_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("purges_pk")),
    )
