"""Every step of the law: more states, and history rows that say who in which role, from where, and on what terms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

_STATES = (
    "draft received correcting declined accepted in_review suspended approved refused completed delivered withdrawn"
    " terminated"
)


def upgrade() -> None:
    op.drop_constraint(op.f("submissions_state_check"), "submissions", type_="check")
    op.create_check_constraint(op.f("submissions_state_check"), "submissions", f"state IN {tuple(_STATES.split())}")
    op.drop_constraint(op.f("history_actor_kind_check"), "history", type_="check")
    op.create_check_constraint(
        op.f("history_actor_kind_check"), "history", "actor_kind IN ('resident', 'staff', 'office', 'system')"
    )
    op.add_column("history", sa.Column("from_state", sa.Text()))
    op.add_column("history", sa.Column("actor_role", sa.Text()))
    op.add_column("history", sa.Column("actor_id", sa.UUID()))
    op.add_column("history", sa.Column("principal_id", sa.UUID()))
    op.add_column("history", sa.Column("terms", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.add_column("history", sa.Column("items", sa.LargeBinary()))
    sealed = "items IS NULL OR (octet_length(items) >= 47 AND get_byte(items, 0) = 1)"
    op.create_check_constraint(op.f("history_items_sealed_check"), "history", sealed)
    # Rows from before: each step came from the state of the row before it.
    op.execute(
        """
        UPDATE history h SET
            from_state = coalesce((SELECT b.state FROM history b
                                   WHERE b.submission_id = h.submission_id AND b.number = h.number - 1), 'draft'),
            actor_role = CASE actor_kind WHEN 'resident' THEN 'applicant' ELSE actor_kind END
        """
    )
    op.alter_column("history", "from_state", nullable=False)
    op.alter_column("history", "actor_role", nullable=False)
