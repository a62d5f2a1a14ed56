"""Notices, what was shown of them, consents and their withdrawals: rows that are added and never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

# Rows may still be deleted, when a retention rule says so; a published notice may not.
UNCHANGEABLE = {
    "notices": "UPDATE OR DELETE",
    "acknowledgements": "UPDATE",
    "consents": "UPDATE",
    "consent_withdrawals": "UPDATE",
}


def upgrade() -> None:
    _create_notices()
    _create_acknowledgements()
    _create_consents()
    _create_withdrawals()
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
    )
    for table, events in UNCHANGEABLE.items():
        op.execute(
            f"CREATE TRIGGER {table}_unchangeable BEFORE {events} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("service_code", sa.Text()),
        sa.Column("service_version", sa.Integer()),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("notices_pk")),
        sa.ForeignKeyConstraint(
            ["service_code", "service_version"],
            ["service_versions.service_code", "service_versions.version"],
            name="notices_service_version_fk",
        ),
    )
    op.create_index(
        op.f("notices_service_code_service_version_idx"), "notices", ["service_code", "service_version"], unique=False
    )


def _create_acknowledgements() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("notice_code", sa.Text(), nullable=False),
        sa.Column("notice_version", sa.Integer(), nullable=False),
        sa.Column("notice_sha256", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.UUID()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("acknowledgements_pk")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("acknowledgements_resident_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("acknowledgements_submission_id_fk")),
        sa.ForeignKeyConstraint(
            ["notice_code", "notice_version"], ["notices.code", "notices.version"], name="acknowledgements_notice_fk"
        ),
        sa.CheckConstraint("method IN ('screen', 'filing')", name=op.f("acknowledgements_method_check")),
    )
    op.create_index(op.f("acknowledgements_submission_id_idx"), "acknowledgements", ["submission_id"], unique=False)
    op.create_index(
        op.f("acknowledgements_resident_id_notice_code_notice_version_idx"),
        "acknowledgements",
        ["resident_id", "notice_code", "notice_version"],
        unique=False,
    )


def _create_consents() -> None:
    sealed = "octet_length(guardianship) >= 47 AND get_byte(guardianship, 0) = 1"
    op.create_table(
        "consents",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("notice_code", sa.Text(), nullable=False),
        sa.Column("notice_version", sa.Integer(), nullable=False),
        sa.Column("notice_sha256", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope_sha256", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("child_index", sa.LargeBinary()),
        sa.Column("guardianship", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("consents_pk")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("consents_resident_id_fk")),
        sa.ForeignKeyConstraint(
            ["notice_code", "notice_version"], ["notices.code", "notices.version"], name="consents_notice_fk"
        ),
        sa.CheckConstraint("kind IN ('processing', 'sensitive', 'sharing')", name=op.f("consents_kind_check")),
        sa.CheckConstraint("method IN ('screen', 'wechat_tap')", name=op.f("consents_method_check")),
        sa.CheckConstraint("(child_index IS NULL) = (guardianship IS NULL)", name=op.f("consents_child_check")),
        sa.CheckConstraint(f"guardianship IS NULL OR ({sealed})", name=op.f("consents_guardianship_sealed_check")),
    )
    op.create_index(op.f("consents_child_index_idx"), "consents", ["child_index"], unique=False)
    op.create_index(
        op.f("consents_resident_id_scope_sha256_idx"), "consents", ["resident_id", "scope_sha256"], unique=False
    )


def _create_withdrawals() -> None:
    op.create_table(
        "consent_withdrawals",
        sa.Column("consent_id", sa.UUID(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("consent_withdrawals_pk")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("consent_withdrawals_consent_id_fk")),
        sa.CheckConstraint("method IN ('screen', 'wechat_tap')", name=op.f("consent_withdrawals_method_check")),
    )
