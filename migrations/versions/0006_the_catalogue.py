"""The catalogue: regions, a tree of departments, versions with states and dates, switches, imports, records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _regions_and_departments()
    _versions()
    _beside_the_versions()
    _what_never_changes()


def _regions_and_departments() -> None:
    op.create_table(
        "regions",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["parent_code"], ["regions.code"], name=op.f("regions_parent_code_fk")),
        sa.PrimaryKeyConstraint("code", name=op.f("regions_pk")),
    )
    op.create_index(op.f("regions_parent_code_idx"), "regions", ["parent_code"], unique=False)
    for column, other in (("parent_code", "departments"), ("region_code", "regions")):
        op.add_column("departments", sa.Column(column, sa.Text(), nullable=True))
        op.create_foreign_key(op.f(f"departments_{column}_fk"), "departments", other, [column], ["code"])
        op.create_index(op.f(f"departments_{column}_idx"), "departments", [column], unique=False)


def _versions() -> None:
    # Which version is current follows from their dates now.
    op.drop_column("services", "current_version")
    op.create_index(op.f("services_department_code_idx"), "services", ["department_code"], unique=False)
    for column in (
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("effective_until", sa.Date(), nullable=True),
        sa.Column("drafted_by", sa.Text(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("import_key", sa.Text(), nullable=True),
    ):
        op.add_column("service_versions", column)
    op.execute(
        "UPDATE service_versions SET state = 'published', drafted_by = 'system:files', drafted_at = published_at,"
        " reviewed_by = 'system:deployment', reviewed_at = published_at, published_by = 'system:deployment'"
    )
    for name in ("state", "drafted_by", "drafted_at"):
        op.alter_column("service_versions", name, nullable=False)
    op.alter_column("service_versions", "published_at", nullable=True, server_default=None)
    for name, rule in (
        ("state", "state IN ('draft', 'reviewed', 'published', 'withdrawn')"),
        ("second_person", "reviewed_by IS NULL OR reviewed_by <> drafted_by"),
        ("reviewed", "state = 'draft' OR reviewed_by IS NOT NULL"),
    ):
        op.create_check_constraint(op.f(f"service_versions_{name}_check"), "service_versions", rule)
    op.create_index(
        op.f("service_versions_waiting_idx"),
        "service_versions",
        ["state", "service_code"],
        postgresql_where=sa.text("state IN ('draft', 'reviewed')"),
    )
    op.create_index(
        op.f("service_versions_import_key_idx"),
        "service_versions",
        ["import_key"],
        postgresql_where=sa.text("import_key IS NOT NULL"),
    )


def _beside_the_versions() -> None:
    op.create_table(
        "service_switches",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("maintenance_note", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("maintenance_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minimum_clients", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["service_code"], ["services.code"], name=op.f("service_switches_service_code_fk")),
        sa.PrimaryKeyConstraint("service_code", name=op.f("service_switches_pk")),
    )
    op.create_table(
        "catalogue_records",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("catalogue_records_pk")),
    )
    op.create_index(op.f("catalogue_records_service_code_idx"), "catalogue_records", ["service_code"], unique=False)
    op.create_table(
        "catalogue_imports",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("catalogue_imports_pk")),
    )
    op.create_table(
        "catalogue_import_faults",
        sa.Column("import_key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("row_guid", sa.Text(), nullable=False),
        sa.Column("err_type", sa.Text(), nullable=False),
        sa.Column("err_pointer", sa.Text(), nullable=False),
        sa.Column("err_desc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_key"], ["catalogue_imports.key"], name=op.f("catalogue_import_faults_import_key_fk")
        ),
        sa.PrimaryKeyConstraint("import_key", "number", name=op.f("catalogue_import_faults_pk")),
    )


def _what_never_changes() -> None:
    """Published content and records are kept as they are by the database itself, whatever a program does."""
    op.execute("""
        CREATE FUNCTION refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER catalogue_records_append_only BEFORE UPDATE OR DELETE ON catalogue_records
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change()
    """)
    op.execute("""
        CREATE TRIGGER service_versions_immutable BEFORE UPDATE ON service_versions
        FOR EACH ROW WHEN (OLD.state IN ('published', 'withdrawn') AND (
            OLD.definition IS DISTINCT FROM NEW.definition OR NEW.state IN ('draft', 'reviewed')
            OR OLD.effective_from IS DISTINCT FROM NEW.effective_from))
        EXECUTE FUNCTION refuse_to_change()
    """)
