"""Services are found: one row for each version that residents see, one index for words and filters, and how often."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "service_search",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("region_level", sa.SmallInteger(), nullable=False),
        sa.Column("shown_from", sa.Date(), nullable=False),
        sa.Column("shown_until", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keywords", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("english", sa.Text(), nullable=False),
        sa.Column("age_from", sa.SmallInteger(), nullable=True),
        sa.Column("age_to", sa.SmallInteger(), nullable=True),
        sa.Column("shown", postgresql.JSONB(), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        sa.Column("edition", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_code", "version"],
            ["service_versions.service_code", "service_versions.version"],
            name=op.f("service_search_version_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("service_code", "version", name=op.f("service_search_pk")),
    )
    op.create_index(
        op.f("service_search_lexemes_idx"), "service_search", ["lexemes"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "service_popularity",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("applicants", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_code"], ["services.code"], name=op.f("service_popularity_service_code_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("service_code", name=op.f("service_popularity_pk")),
    )
