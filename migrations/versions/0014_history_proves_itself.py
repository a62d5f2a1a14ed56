"""History proves itself: rows in chains, a tree over each day's chains, keys that sign its head, time stamps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_BYTES = sa.LargeBinary
_LINK = ("previous_hash", "personal_digest", "row_hash", "hash_algorithm")


def upgrade() -> None:
    _link_history()
    _make_trees()
    op.execute(_GUARD)


def _link_history() -> None:
    for name in _LINK:
        op.add_column("history", sa.Column(name, sa.Text() if name == "hash_algorithm" else _BYTES(), nullable=True))
    # Rows from before get theirs by `onephone migrate` or `onephone chain-history`, which need the keys; then these
    # columns are made NOT NULL, as they are here at once where there is no row.
    if not op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM history)")):
        for name in _LINK:
            op.alter_column("history", name, nullable=False)
    hashes = "octet_length(previous_hash) = 32 AND octet_length(row_hash) = 32"
    op.create_check_constraint(op.f("history_hashes_check"), "history", hashes)
    op.create_check_constraint(op.f("history_personal_digest_check"), "history", "octet_length(personal_digest) = 32")
    op.create_index("history_at_idx", "history", ["at"], postgresql_using="brin")


def _make_trees() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("public_key", _BYTES(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", _BYTES(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("signing_keys_pk")),
    )
    op.create_table(
        "tree_heads",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tree_size", sa.Integer(), nullable=False),
        sa.Column("root", _BYTES(), nullable=False),
        sa.Column("previous_hash", _BYTES(), nullable=False),
        sa.Column("head_hash", _BYTES(), nullable=False),
        sa.Column("hash_algorithm", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", _BYTES(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("tree_heads_pk")),
        sa.ForeignKeyConstraint(["key_id"], ["signing_keys.id"], name=op.f("tree_heads_key_id_fk")),
        sa.CheckConstraint("tree_size >= 0", name=op.f("tree_heads_tree_size_check")),
    )
    op.create_table(
        "tree_leaves",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_submission", sa.UUID(), nullable=False),
        sa.Column("root", _BYTES(), nullable=False),
        sa.Column("leaves", _BYTES(), nullable=False),
        sa.PrimaryKeyConstraint("day", "number", name=op.f("tree_leaves_pk")),
        sa.ForeignKeyConstraint(["day"], ["tree_heads.day"], name=op.f("tree_leaves_day_fk")),
    )
    op.create_index("tree_leaves_day_first_submission_idx", "tree_leaves", ["day", "first_submission"])
    op.create_table(
        "time_stamps",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("token", _BYTES(), nullable=False),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("time_stamps_pk")),
        sa.ForeignKeyConstraint(["day"], ["tree_heads.day"], name=op.f("time_stamps_day_fk")),
    )


# Grants say what the service's role may do (app/grants.py); these triggers hold for everybody, the owner too, who would
# have to disable them first. A column that comes later is frozen by itself.
_GUARD = """
CREATE FUNCTION history_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    link text[] := ARRAY['previous_hash', 'personal_digest', 'row_hash', 'hash_algorithm'];
    changeable text[] := ARRAY['opinion', 'items', 'actor_name', 'actor_id', 'principal_id'];
BEGIN
    IF to_jsonb(new) - changeable - link <> to_jsonb(old) - changeable - link THEN
        RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- A row from before the chain gets its link once.
    IF old.row_hash IS NOT NULL AND (new.previous_hash, new.personal_digest, new.row_hash, new.hash_algorithm)
            IS DISTINCT FROM (old.previous_hash, old.personal_digest, old.row_hash, old.hash_algorithm) THEN
        RAISE EXCEPTION 'a link of history stays as it is' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF new.actor_name IS NOT NULL AND new.actor_name IS DISTINCT FROM old.actor_name
            OR new.actor_id IS NOT NULL AND new.actor_id IS DISTINCT FROM old.actor_id
            OR new.principal_id IS NOT NULL AND new.principal_id IS DISTINCT FROM old.principal_id
            OR NOT history_resealed(old.opinion, new.opinion) OR NOT history_resealed(old.items, new.items) THEN
        RAISE EXCEPTION 'what history says of persons is only blanked or resealed'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;

-- A seal by the other suite: same format, kind, data key and length, another suite number (app/crypto/envelopes.py).
CREATE FUNCTION history_resealed(before bytea, after bytea) RETURNS boolean IMMUTABLE
    RETURN CASE
        WHEN after IS NULL OR after IS NOT DISTINCT FROM before THEN true
        WHEN before IS NULL THEN false
        ELSE octet_length(after) = octet_length(before)
            AND substring(after FROM 1 FOR 1) = substring(before FROM 1 FOR 1)
            AND substring(after FROM 2 FOR 1) <> substring(before FROM 2 FOR 1)
            AND substring(after FROM 3 FOR 17) = substring(before FROM 3 FOR 17)
    END;

CREATE FUNCTION history_continued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.number = 1 AND new.previous_hash = decode(repeat('00', 32), 'hex') THEN
        RETURN new;
    END IF;
    IF EXISTS (SELECT FROM public.history WHERE submission_id = new.submission_id AND number = new.number - 1
                   AND row_hash = new.previous_hash) THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'a row of history continues the row before it' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER history_continues BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION history_continued();
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history FOR EACH ROW EXECUTE FUNCTION history_unchanged();
CREATE TRIGGER history_kept BEFORE DELETE OR TRUNCATE ON history EXECUTE FUNCTION append_only();
CREATE TRIGGER tree_heads_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON tree_heads EXECUTE FUNCTION append_only();
CREATE TRIGGER tree_leaves_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON tree_leaves EXECUTE FUNCTION append_only();
CREATE TRIGGER time_stamps_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON time_stamps EXECUTE FUNCTION append_only();
CREATE TRIGGER signing_keys_kept BEFORE DELETE OR TRUNCATE ON signing_keys EXECUTE FUNCTION append_only();
"""
