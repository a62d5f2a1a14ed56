"""Who may enter: throttles, counts of refusals, and what members of staff prove themselves with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


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
    op.create_table(
        "office_assertions",
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("jti_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("office", "jti_sha256", name=op.f("office_assertions_pk")),
    )
    op.create_index(op.f("office_assertions_expires_at_idx"), "office_assertions", ["expires_at"])
    _staff()


def _staff() -> None:
    who = {"type_": sa.Uuid(), "nullable": False}
    op.drop_constraint(op.f("staff_role_check"), "staff", type_="check")
    roles = "('clerk', 'adviser', 'head', 'supervisor', 'auditor', 'administrator')"
    op.create_check_constraint(op.f("staff_role_check"), "staff", f"role IN {roles}")
    op.create_table(
        "staff_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", **who),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("agreed_with", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["staff.id"], name=op.f("staff_changes_actor_id_fk")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_changes_staff_id_fk")),
        sa.ForeignKeyConstraint(["agreed_with"], ["staff_changes.id"], name=op.f("staff_changes_agreed_with_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_changes_pk")),
        sa.UniqueConstraint("agreed_with", name=op.f("staff_changes_agreed_with_key")),
    )
    op.create_index(op.f("staff_changes_staff_id_at_idx"), "staff_changes", ["staff_id", "at"])
    op.execute("""
        CREATE TRIGGER staff_changes_append_only BEFORE UPDATE OR DELETE ON staff_changes
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change()
    """)
    op.create_table(
        "staff_credentials",
        sa.Column("staff_id", **who),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_first", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_credentials_staff_id_fk")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("staff_credentials_pk")),
    )
    op.create_table(
        "staff_totp",
        sa.Column("staff_id", **who),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "secret IS NULL OR (octet_length(secret) >= 47 AND get_byte(secret, 0) = 1)",
            name=op.f("staff_totp_secret_sealed_check"),
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_totp_staff_id_fk")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("staff_totp_pk")),
    )
    op.create_table(
        "staff_recovery_codes",
        sa.Column("staff_id", **who),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_recovery_codes_staff_id_fk")),
        sa.PrimaryKeyConstraint("staff_id", "code_mac", name=op.f("staff_recovery_codes_pk")),
    )
    op.create_table(
        "staff_passkeys",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", **who),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_passkeys_staff_id_fk")),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("staff_passkeys_pk")),
    )
    op.create_index(op.f("staff_passkeys_staff_id_idx"), "staff_passkeys", ["staff_id"])
    op.create_table(
        "desk_logins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", **who),
        sa.Column("ticket_sha256", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("factor_shown", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("wish", sa.Text(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=True),
        sa.Column("new_totp", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stage IN ('second_factor', 'new_password', 'enrol')", name=op.f("desk_logins_stage_check")),
        sa.CheckConstraint("way IN ('password', 'sign_on')", name=op.f("desk_logins_way_check")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("desk_logins_staff_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("desk_logins_pk")),
    )
    op.create_index(op.f("desk_logins_expires_at_idx"), "desk_logins", ["expires_at"])
    op.create_table(
        "desk_activity",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("desk_activity_pk")),
        prefixes=["UNLOGGED"],
    )
