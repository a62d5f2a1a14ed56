"""Tokens of outside parties are kept in one place, one-time codes get in, and WeChat's pushes are taken once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "outside_tokens",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("outside_tokens_pk")),
    )
    # It held one token in plain, which lives for two hours at most and is fetched anew.
    op.drop_table("wechat_tokens")
    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("voice", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "phone IS NULL OR (octet_length(phone) >= 47 AND get_byte(phone, 0) = 1)",
            name=op.f("one_time_codes_phone_sealed_check"),
        ),
        sa.CheckConstraint(
            "code IS NULL OR (octet_length(code) >= 47 AND get_byte(code, 0) = 1)",
            name=op.f("one_time_codes_code_sealed_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("one_time_codes_pk")),
    )
    op.create_index(op.f("one_time_codes_phone_index_idx"), "one_time_codes", ["phone_index"], unique=False)
    op.create_index(op.f("one_time_codes_expires_at_idx"), "one_time_codes", ["expires_at"], unique=False)
    op.create_table(
        "code_limits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("code_limits_pk")),
    )
    op.create_index(op.f("code_limits_last_at_idx"), "code_limits", ["last_at"], unique=False)
    op.create_table(
        "wechat_pushes",
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mac", name=op.f("wechat_pushes_pk")),
    )
    op.create_index(op.f("wechat_pushes_taken_at_idx"), "wechat_pushes", ["taken_at"], unique=False)
    op.add_column(
        "wechat_bindings", sa.Column("unconfirmed", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index(op.f("wechat_bindings_openid_index_idx"), "wechat_bindings", ["openid_index"], unique=False)
