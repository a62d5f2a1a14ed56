"""Index keys wrapped by a KMS or HSM; fingerprints of requests under a key, which no guess from a dump can meet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "index_keys",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("index_keys_pk")),
    )
    # Plain hashes of requests go at once. They live for a day anyway, and only a demo can have any (see 0002).
    op.execute("DELETE FROM idempotency_records")
    op.drop_column("idempotency_records", "request_sha256")
    op.add_column("idempotency_records", sa.Column("request_mac", sa.LargeBinary(), nullable=False))
