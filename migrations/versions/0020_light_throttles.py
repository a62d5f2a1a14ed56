"""Throttles without an index of their instants: every count wrote to it, and purging reads a small table."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.drop_index(op.f("throttle_buckets_empty_at_idx"), table_name="throttle_buckets")


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only; restore the backup that was made before.")
