"""Fair turns: who was accepted when, who waits, who was taken up in which order, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_ROLES = "('clerk', 'head', 'adviser', 'supervisor', 'auditor', 'administrator')"
_OUT_OF_TURN = (
    "'elderly_disabled_pregnant', 'emergency', 'statutory_priority', 'corrected', 'same_applicant', 'supervisor_order'"
)
_TAKEN_AS = f"('in_turn', 'acceptance_order', {_OUT_OF_TURN}, 'busy', 'office_order', 'unstated', 'left')"
_REASONS = f"({_OUT_OF_TURN}, 'busy', 'handed_over')"
_OPEN = "('received', 'correcting', 'accepted', 'in_review', 'suspended')"


def upgrade() -> None:
    op.drop_constraint(op.f("staff_role_check"), "staff", type_="check")
    op.create_check_constraint(op.f("staff_role_check"), "staff", f"role IN {_ROLES}")
    for counter in ("last_acceptance_turn", "last_taken"):
        op.add_column("queues", sa.Column(counter, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("submissions", sa.Column("acceptance_turn", sa.Integer()))
    op.add_column("submissions", sa.Column("waiting", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("submissions", sa.Column("taken", sa.Integer()))
    op.add_column("submissions", sa.Column("taken_as", sa.Text()))
    op.add_column("submissions", sa.Column("decided_at", sa.DateTime(timezone=True)))
    _from_before()
    line = "(taken IS NULL) = (taken_as IS NULL) AND NOT (waiting AND turn IS NULL)"
    op.create_check_constraint(op.f("submissions_line_check"), "submissions", line)
    op.create_check_constraint(op.f("submissions_taken_as_check"), "submissions", f"taken_as IN {_TAKEN_AS}")
    _indexes()
    _assignments()
    _expectations()


def _from_before() -> None:
    """Filed before: in which order they were accepted and taken up is known from their steps alone."""
    op.execute(
        """
        UPDATE submissions s SET decided_at = d.at
        FROM (SELECT submission_id, max(at) AS at FROM history WHERE step IN ('approve', 'refuse', 'decline')
              GROUP BY submission_id) AS d
        WHERE d.submission_id = s.id
        """
    )
    op.execute(
        """
        UPDATE submissions s SET taken = t.taken, taken_as = 'in_turn'
        FROM (SELECT s.id, row_number() OVER (PARTITION BY s.department_code, s.service_code
                                              ORDER BY min(h.at), s.turn) AS taken
              FROM history h JOIN submissions s ON s.id = h.submission_id
              WHERE h.actor_kind IN ('office', 'staff') AND s.turn IS NOT NULL GROUP BY s.id) AS t
        WHERE t.id = s.id
        """
    )
    op.execute("UPDATE submissions SET waiting = true WHERE state IN ('received', 'accepted') AND taken IS NULL")
    op.execute(
        """
        UPDATE submissions s SET taken_as = 'office_order' WHERE taken IS NOT NULL AND EXISTS (
            SELECT FROM submissions o WHERE o.department_code = s.department_code AND o.service_code = s.service_code
            AND o.turn < s.turn AND (o.taken > s.taken OR o.waiting))
        """
    )
    op.execute(
        """
        UPDATE submissions s SET acceptance_turn = t.turn
        FROM (SELECT s.id, row_number() OVER (PARTITION BY s.department_code, s.service_code
                                              ORDER BY min(h.at), s.turn) AS turn
              FROM history h JOIN submissions s ON s.id = h.submission_id
              JOIN service_versions v ON v.service_code = s.service_code AND v.version = s.service_version
              WHERE h.state IN ('accepted', 'approved') AND jsonb_typeof(v.definition -> 'quota') = 'object'
              AND coalesce(v.definition -> 'quota' ->> 'order', 'acceptance') = 'acceptance' GROUP BY s.id) AS t
        WHERE t.id = s.id
        """
    )
    op.execute(
        """
        UPDATE queues q SET last_taken = t.taken, last_acceptance_turn = t.acceptance_turn
        FROM (SELECT department_code, service_code, coalesce(max(taken), 0) AS taken,
                     coalesce(max(acceptance_turn), 0) AS acceptance_turn
              FROM submissions GROUP BY department_code, service_code) AS t
        WHERE t.department_code = q.department_code AND t.service_code = q.service_code
        """
    )


def _indexes() -> None:
    queue = ["department_code", "service_code"]
    waiting, decided, accepted = (sa.text(words) for words in ("waiting", "decided_at IS NOT NULL", "acceptance_turn"))
    op.create_index(
        "submissions_acceptance_turn_key",
        "submissions",
        [*queue, "acceptance_turn"],
        unique=True,
        postgresql_where=sa.text(f"{accepted} IS NOT NULL"),
    )
    op.create_index(
        "submissions_waiting_idx", "submissions", [*queue, "acceptance_turn", "turn"], postgresql_where=waiting
    )
    op.create_index(
        "submissions_open_idx", "submissions", [*queue, "received_at"], postgresql_where=sa.text(f"state IN {_OPEN}")
    )
    op.create_index("submissions_decided_idx", "submissions", [*queue, "decided_at"], postgresql_where=decided)


def _assignments() -> None:
    sealed = "{0} IS NULL OR (octet_length({0}) >= 47 AND get_byte({0}, 0) = 1)"
    op.create_table(
        "assignments",
        sa.Column("id", sa.UUID(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("staff_id", sa.UUID(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("in_turn", sa.Boolean(), nullable=False, server_default="true"),
        sa.Column("reason_kind", sa.Text()),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("skipped", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("handled_at", sa.DateTime(timezone=True)),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.UUID()),
        sa.Column("release_reason", sa.LargeBinary()),
        sa.CheckConstraint(f"reason_kind IN {_REASONS}", name=op.f("assignments_reason_kind_check")),
        sa.CheckConstraint("in_turn OR reason_kind IS NOT NULL", name=op.f("assignments_has_reason_check")),
        sa.CheckConstraint(sealed.format("reason"), name=op.f("assignments_reason_sealed_check")),
        sa.CheckConstraint(sealed.format("release_reason"), name=op.f("assignments_release_reason_sealed_check")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("assignments_submission_id_fk")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("assignments_staff_id_fk")),
        sa.ForeignKeyConstraint(["released_by"], ["staff.id"], name=op.f("assignments_released_by_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("assignments_pk")),
    )
    op.create_index("assignments_submission_id_idx", "assignments", ["submission_id"])
    live, unhandled = (sa.text(f"released_at IS NULL{more}") for more in ("", " AND handled_at IS NULL"))
    op.create_index("assignments_live_key", "assignments", ["submission_id"], unique=True, postgresql_where=live)
    op.create_index("assignments_unhandled_idx", "assignments", ["staff_id"], postgresql_where=unhandled)
    op.create_index("assignments_out_of_turn_idx", "assignments", ["taken_at"], postgresql_where=sa.text("NOT in_turn"))


def _expectations() -> None:
    op.create_table(
        "expectations",
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("p50", sa.Integer()),
        sa.Column("p90", sa.Integer()),
        sa.Column("decided_a_day", sa.Float(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_code"], ["departments.code"], name=op.f("expectations_department_code_fk")
        ),
        sa.ForeignKeyConstraint(["service_code"], ["services.code"], name=op.f("expectations_service_code_fk")),
        sa.PrimaryKeyConstraint("department_code", "service_code", name=op.f("expectations_pk")),
    )
