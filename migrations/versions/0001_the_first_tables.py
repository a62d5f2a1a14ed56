"""The first tables: the main job from draft to result, and procrastinate's own tables for the jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    # procrastinate ships its schema as one file of SQL; a later release of it brings migrations of its own,
    # which then become migrations here.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(SchemaManager.get_schema())
    op.create_table(
        "departments",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("departments_pk")),
    )
    op.create_table(
        "idempotency_records",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("idempotency_records_pk")),
    )
    op.create_index(op.f("idempotency_records_created_at_idx"), "idempotency_records", ["created_at"], unique=False)
    op.create_table(
        "logins",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("audience IN ('residents', 'staff')", name=op.f("logins_audience_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("logins_pk")),
    )
    op.create_index(op.f("logins_expires_at_idx"), "logins", ["expires_at"], unique=False)
    op.create_table(
        "residents",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document_type", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("residents_pk")),
    )
    op.create_table(
        "wechat_tokens",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("wechat_tokens_pk")),
    )
    op.create_table(
        "identities",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("identities_resident_id_fk")),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("identities_pk")),
    )
    op.create_table(
        "services",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_code"], ["departments.code"], name=op.f("services_department_code_fk")),
        sa.PrimaryKeyConstraint("code", name=op.f("services_pk")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("staff_number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint(
            "role IN ('clerk', 'adviser', 'supervisor', 'auditor', 'administrator')",
            name=op.f("staff_role_check"),
        ),
        sa.ForeignKeyConstraint(["department_code"], ["departments.code"], name=op.f("staff_department_code_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_pk")),
        sa.UniqueConstraint("staff_number", name=op.f("staff_staff_number_key")),
    )
    op.create_table(
        "wechat_bindings",
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("progress_credits", sa.Integer(), nullable=False),
        sa.CheckConstraint("progress_credits >= 0", name=op.f("wechat_bindings_progress_credits_check")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("wechat_bindings_resident_id_fk")),
        sa.PrimaryKeyConstraint("resident_id", name=op.f("wechat_bindings_pk")),
    )
    op.create_table(
        "queues",
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("last_turn", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_turn > 0", name=op.f("queues_last_turn_check")),
        sa.ForeignKeyConstraint(["department_code"], ["departments.code"], name=op.f("queues_department_code_fk")),
        sa.ForeignKeyConstraint(["service_code"], ["services.code"], name=op.f("queues_service_code_fk")),
        sa.PrimaryKeyConstraint("department_code", "service_code", name=op.f("queues_pk")),
    )
    op.create_table(
        "service_versions",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["service_code"], ["services.code"], name=op.f("service_versions_service_code_fk")),
        sa.PrimaryKeyConstraint("service_code", "version", name=op.f("service_versions_pk")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=True),
        sa.Column("staff_id", sa.UUID(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("refresh_sha256", sa.Text(), nullable=False),
        sa.Column("spent_sha256", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name=op.f("sessions_one_person_check")),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("sessions_resident_id_fk")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("sessions_staff_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pk")),
        sa.UniqueConstraint("refresh_sha256", name=op.f("sessions_refresh_sha256_key")),
        sa.UniqueConstraint("spent_sha256", name=op.f("sessions_spent_sha256_key")),
    )
    op.create_index(op.f("sessions_revoked_at_idx"), "sessions", ["revoked_at"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("service_version", sa.Integer(), nullable=False),
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("applicant_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("acceptance_due", sa.Date(), nullable=True),
        sa.Column("decision_due", sa.Date(), nullable=True),
        sa.Column("due_provisional", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'draft') = (reference IS NULL) AND (state = 'draft') = (received_at IS NULL)"
            " AND (state = 'draft') = (turn IS NULL) AND (state = 'draft') = (content_sha256 IS NULL)",
            name=op.f("submissions_filed_check"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'received', 'declined', 'accepted', 'in_review', 'approved', 'refused', 'completed')",
            name=op.f("submissions_state_check"),
        ),
        sa.ForeignKeyConstraint(["applicant_id"], ["residents.id"], name=op.f("submissions_applicant_id_fk")),
        sa.ForeignKeyConstraint(["department_code"], ["departments.code"], name=op.f("submissions_department_code_fk")),
        sa.ForeignKeyConstraint(
            ["service_code", "service_version"],
            ["service_versions.service_code", "service_versions.version"],
            name="submissions_service_version_fk",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("submissions_pk")),
        sa.UniqueConstraint("department_code", "service_code", "turn", name="submissions_turn_key"),
        sa.UniqueConstraint("reference", name=op.f("submissions_reference_key")),
    )
    op.create_index(op.f("submissions_applicant_id_id_idx"), "submissions", ["applicant_id", "id"], unique=False)
    op.create_table(
        "handovers",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("office_reference", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("handovers_sent_check")),
        sa.CheckConstraint("state IN ('waiting', 'sent')", name=op.f("handovers_state_check")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("handovers_submission_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("handovers_pk")),
        sa.UniqueConstraint("event_id", name=op.f("handovers_event_id_key")),
    )
    op.create_table(
        "history",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=True),
        sa.Column("department_code", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("visible", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint("actor_kind IN ('resident', 'office', 'system')", name=op.f("history_actor_kind_check")),
        sa.ForeignKeyConstraint(["department_code"], ["departments.code"], name=op.f("history_department_code_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("history_submission_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", "number", name=op.f("history_pk")),
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.UUID(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("looks_staff_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("looks_submission_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("looks_pk")),
    )
    op.create_table(
        "office_messages",
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('applied', 'already_applied', 'parked', 'ignored')",
            name=op.f("office_messages_outcome_check"),
        ),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("office_messages_submission_id_fk")),
        sa.PrimaryKeyConstraint("office", "message_id", name=op.f("office_messages_pk")),
    )
    op.create_index(op.f("office_messages_submission_id_idx"), "office_messages", ["submission_id"], unique=False)
    op.create_table(
        "results",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'document') = (key IS NOT NULL) AND (kind = 'data') = (data IS NOT NULL)",
            name=op.f("results_shape_check"),
        ),
        sa.CheckConstraint("kind IN ('document', 'data')", name=op.f("results_kind_check")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("results_submission_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("results_pk")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('slot', 'received', 'clean', 'refused')", name=op.f("uploads_state_check")),
        sa.ForeignKeyConstraint(["owner_id"], ["residents.id"], name=op.f("uploads_owner_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("uploads_submission_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("uploads_pk")),
    )
    op.create_index(op.f("uploads_submission_id_idx"), "uploads", ["submission_id"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("resident_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("notifications_resident_id_fk")),
        sa.ForeignKeyConstraint(
            ["submission_id", "number"],
            ["history.submission_id", "history.number"],
            name="notifications_event_fk",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("notifications_pk")),
        sa.UniqueConstraint("submission_id", "number", name=op.f("notifications_submission_id_number_key")),
    )
    op.create_index(op.f("notifications_resident_id_id_idx"), "notifications", ["resident_id", "id"], unique=False)
    op.create_table(
        "signatures",
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("signer_id", sa.UUID(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.UUID(), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("identity_level", sa.Integer(), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["signer_id"], ["residents.id"], name=op.f("signatures_signer_id_fk")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("signatures_submission_id_fk")),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("signatures_upload_id_fk")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("signatures_pk")),
    )
    op.create_table(
        "attempts",
        sa.Column("notification_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('sending', 'accepted', 'refused', 'unknown', 'skipped')",
            name=op.f("attempts_state_check"),
        ),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"], name=op.f("attempts_notification_id_fk")),
        sa.PrimaryKeyConstraint("notification_id", "channel", name=op.f("attempts_pk")),
    )


def downgrade() -> None:
    raise NotImplementedError("Nothing stands before the first tables.")
