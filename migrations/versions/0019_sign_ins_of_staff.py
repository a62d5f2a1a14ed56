"""Sign-ins of staff: who came to a desk, or tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "staff_sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('entered', 'refused')", name=op.f("staff_sign_ins_outcome_check")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("staff_sign_ins_staff_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_sign_ins_pk")),
    )
    op.create_index(op.f("staff_sign_ins_staff_id_id_idx"), "staff_sign_ins", ["staff_id", "id"])
    op.execute("""
        CREATE TRIGGER staff_sign_ins_append_only BEFORE UPDATE OR DELETE ON staff_sign_ins
        FOR EACH ROW EXECUTE FUNCTION refuse_to_change()
    """)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only; restore the backup that was made before.")
