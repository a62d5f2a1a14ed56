"""Who may enter: throttles, counts of refusals, and what members of staff prove themselves with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "throttle_buckets",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("empty_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("depth_seconds", sa.Float(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("throttle_buckets_pk")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("throttle_buckets_empty_at_idx"), "throttle_buckets", ["empty_at"])
    op.create_table(
        "entrance_counts",
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("door", "reason", name=op.f("entrance_counts_pk")),
    )
