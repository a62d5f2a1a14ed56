"""Personal data is sealed: the columns that held it in plain text make way for sealed ones and blind indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SEALED = (
    # table, column, whether a row may be without it
    ("idempotency_records", "body", False),
    ("residents", "name", False),
    ("residents", "document_number", False),
    ("residents", "phone", True),
    ("wechat_bindings", "openid", False),
    ("submissions", "answers", False),
    ("history", "opinion", True),
    ("looks", "reason", False),
    ("office_messages", "data", False),
    ("results", "filename", True),
    ("results", "data", True),
    ("uploads", "filename", False),
)

BLIND = (
    ("residents", "name_index", False),
    ("residents", "document_number_index", False),
    ("residents", "phone_index", True),
    ("wechat_bindings", "openid_index", False),
    ("identities", "subject_index", False),
)


def upgrade() -> None:
    _refuse_plain_rows()
    op.create_table(
        "data_keys",
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("key_id", sa.UUID(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("data_keys_pk")),
        sa.UniqueConstraint("key_id", name=op.f("data_keys_key_id_key")),
    )
    op.create_index(op.f("data_keys_master_key_id_idx"), "data_keys", ["master_key_id"], unique=False)
    # It names the dropped column too, so it goes with it.
    op.drop_constraint("results_shape_check", "results")
    for table, column, nullable in SEALED:
        op.drop_column(table, column)
        op.add_column(table, sa.Column(column, sa.LargeBinary(), nullable=nullable))
        rule = f"octet_length({column}) >= 47 AND get_byte({column}, 0) = 1"
        op.create_check_constraint(op.f(f"{table}_{column}_sealed_check"), table, f"{column} IS NULL OR ({rule})")
    op.create_check_constraint(
        op.f("results_shape_check"),
        "results",
        "(kind = 'document') = (key IS NOT NULL) AND (kind = 'data') = (data IS NOT NULL)",
    )
    op.drop_constraint("identities_pk", "identities")
    op.drop_column("identities", "subject")
    for table, column, nullable in BLIND:
        op.add_column(table, sa.Column(column, sa.LargeBinary(), nullable=nullable))
    op.create_primary_key(op.f("identities_pk"), "identities", ["provider", "subject_index"])
    for column in ("name_index", "document_number_index", "phone_index"):
        op.create_index(op.f(f"residents_{column}_idx"), "residents", [column], unique=False)


def _refuse_plain_rows() -> None:
    """Raises RuntimeError when somebody's data is there already: only a demo can be, and it is quickly made anew."""
    tables = dict.fromkeys(table for table, _, _ in (*SEALED, *BLIND))
    found = [table for table in tables if op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM {table})"))]
    if found:
        raise RuntimeError(
            f"{', '.join(found)}: this database holds plain rows from before personal data was sealed."
            " It is a demo's; start with an empty one (`make clean` removes the demo's, `.data/`)."
        )
