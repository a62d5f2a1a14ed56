"""Logins of many kinds: bound to the client that began them, their secrets sealed, their tries counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # A login under way lives for minutes and holds secrets in plain text: who is in the middle of one starts again.
    op.execute("DELETE FROM logins")
    for name in ("redirect_uri", "state", "nonce", "verifier"):
        op.drop_column("logins", name)
    op.add_column("logins", sa.Column("secret_sha256", sa.Text(), nullable=False))
    op.add_column("logins", sa.Column("handshake", sa.LargeBinary(), nullable=False))
    op.add_column("logins", sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_check_constraint(
        op.f("logins_handshake_sealed_check"),
        "logins",
        "handshake IS NULL OR (octet_length(handshake) >= 47 AND get_byte(handshake, 0) = 1)",
    )


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only; restore the backup that was made before.")
