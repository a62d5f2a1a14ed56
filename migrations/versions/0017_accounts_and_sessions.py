"""Accounts without a proved person, sessions bound to a device, and the history of sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

# The overhead of a seal and its format, as `app/crypto/envelopes.py` has them.
_SEALED = "{0} IS NULL OR (octet_length({0}) >= 47 AND get_byte({0}, 0) = 1)"


def upgrade() -> None:
    _change_residents()
    _change_identities()
    _create_organisations()
    _create_authorisations()
    _change_sessions()
    _create_sign_ins()
    _create_account_notices()


def _change_residents() -> None:
    for name in ("name", "document_type", "document_number"):
        op.alter_column("residents", name, nullable=True)
    op.add_column("residents", sa.Column("proved_level", sa.Integer(), nullable=True))
    op.add_column("residents", sa.Column("elder_mode", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("residents", sa.Column("merged_into", sa.UUID(), nullable=True))
    op.add_column("residents", sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("residents_merged_at_idx"), "residents", ["merged_at"], unique=False)
    op.drop_constraint(op.f("residents_found_check"), "residents", type_="check")
    op.create_check_constraint(
        op.f("residents_found_check"),
        "residents",
        "closed_at IS NOT NULL OR ((name IS NULL) = (name_index IS NULL)"
        " AND (document_number IS NULL) = (document_number_index IS NULL))",
    )
    op.create_check_constraint(
        op.f("residents_person_check"),
        "residents",
        "(name IS NULL) = (document_number IS NULL) AND (name IS NULL) = (document_type IS NULL)",
    )
    op.create_check_constraint(
        op.f("residents_merged_check"), "residents", "(merged_into IS NULL) = (merged_at IS NULL)"
    )
    # What their logins have proved so far, as far as the sessions still tell it.
    op.execute(
        "UPDATE residents r SET proved_level = s.level FROM"
        " (SELECT resident_id, max(level) AS level FROM sessions WHERE resident_id IS NOT NULL GROUP BY 1) s"
        " WHERE s.resident_id = r.id AND s.level >= 2"
    )


def _change_identities() -> None:
    made = sa.text("gen_random_uuid()")
    op.add_column("identities", sa.Column("id", sa.UUID(), server_default=made, nullable=False))
    op.add_column("identities", sa.Column("level", sa.Integer(), nullable=True))
    op.add_column("identities", sa.Column("method", sa.Text(), nullable=True))
    now = sa.text("now()")
    op.add_column("identities", sa.Column("added_at", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.execute("UPDATE identities SET added_at = last_login_at")
    op.create_unique_constraint(op.f("identities_id_key"), "identities", ["id"])
    op.create_index(op.f("identities_resident_id_idx"), "identities", ["resident_id"], unique=False)


def _change_sessions() -> None:
    later = sa.DateTime(timezone=True)
    for name in ("provider", "method", "device_sha256"):
        op.add_column("sessions", sa.Column(name, sa.Text(), nullable=True))
    for name in ("network", "answer"):
        op.add_column("sessions", sa.Column(name, sa.LargeBinary(), nullable=True))
        op.create_check_constraint(op.f(f"sessions_{name}_sealed_check"), "sessions", _SEALED.format(name))
    for name in ("spent_at", "outdated_at", "idle_until"):
        op.add_column("sessions", sa.Column(name, later, nullable=True))
    for name in ("refreshed_at", "tokens_until"):
        op.add_column("sessions", sa.Column(name, later, server_default=sa.text("now()"), nullable=False))
    op.add_column("sessions", sa.Column("generation", sa.Integer(), server_default="0", nullable=False))
    # Nobody is logged out by this: a session of before keeps its end, and its living tokens count as living.
    op.execute("UPDATE sessions SET idle_until = expires_at, tokens_until = now() + interval '15 minutes'")
    op.alter_column("sessions", "idle_until", nullable=False)
    op.add_column("sessions", sa.Column("organisation_id", sa.UUID(), nullable=True))
    fk = op.f("sessions_organisation_id_fk")
    op.create_foreign_key(fk, "sessions", "organisations", ["organisation_id"], ["id"])
    for name in ("outdated_at", "resident_id", "expires_at"):
        op.create_index(op.f(f"sessions_{name}_idx"), "sessions", [name], unique=False)


def _create_organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("organisations_pk")),
        sa.UniqueConstraint("credit_code", name=op.f("organisations_credit_code_key")),
    )
    op.create_table(
        "representations",
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("representations_organisation_id_fk")
        ),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("representations_resident_id_fk")),
        sa.PrimaryKeyConstraint("organisation_id", "resident_id", name=op.f("representations_pk")),
    )
    op.create_index(op.f("representations_resident_id_idx"), "representations", ["resident_id"], unique=False)
    op.create_index(
        "representations_one_idx",
        "representations",
        ["organisation_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_authorisations() -> None:
    op.create_table(
        "authorisations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("named_by", sa.UUID(), nullable=False),
        sa.Column("handler_id", sa.UUID(), nullable=True),
        sa.Column("handler", sa.LargeBinary(), nullable=False),
        sa.Column("handler_index", sa.LargeBinary(), nullable=False),
        sa.Column("services", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("authorisations_period_check")),
        sa.CheckConstraint("jsonb_array_length(services) > 0", name=op.f("authorisations_services_check")),
        sa.CheckConstraint(_SEALED.format("handler"), name=op.f("authorisations_handler_sealed_check")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("authorisations_organisation_id_fk")
        ),
        sa.ForeignKeyConstraint(["named_by"], ["residents.id"], name=op.f("authorisations_named_by_fk")),
        sa.ForeignKeyConstraint(["handler_id"], ["residents.id"], name=op.f("authorisations_handler_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("authorisations_pk")),
    )
    for names in (["organisation_id", "id"], ["handler_index"], ["handler_id"], ["named_by"]):
        name = op.f(f"authorisations_{'_'.join(names)}_idx")
        op.create_index(name, "authorisations", names, unique=False)


def _create_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("outcome IN ('entered', 'refused', 'stolen')", name=op.f("sign_ins_outcome_check")),
        sa.CheckConstraint(_SEALED.format("network"), name=op.f("sign_ins_network_sealed_check")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("sign_ins_resident_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_ins_pk")),
    )
    op.create_index(op.f("sign_ins_resident_id_id_idx"), "sign_ins", ["resident_id", "id"], unique=False)
    op.create_index(op.f("sign_ins_at_idx"), "sign_ins", ["at"], unique=False)


def _create_account_notices() -> None:
    op.create_table(
        "account_notices",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind ~ '^[a-z_]{3,40}$'", name=op.f("account_notices_kind_check")),
        sa.CheckConstraint(_SEALED.format("facts"), name=op.f("account_notices_facts_sealed_check")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("account_notices_resident_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("account_notices_pk")),
    )
    op.create_index(op.f("account_notices_resident_id_id_idx"), "account_notices", ["resident_id", "id"], unique=False)
