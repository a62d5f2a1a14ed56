"""How Alembic finds the database and the tables."""

from __future__ import annotations

from alembic import context

import wsgi  # noqa: F401 -- knowing every room, it knows every table
from app import database

context_lock = 7166301  # any number, the same in every process that migrates

with database.owner_engine().connect() as connection:
    context.configure(connection=connection, target_metadata=database.metadata, compare_server_default=False)
    with context.begin_transaction():
        # Two machines that start at once must not migrate at once.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({context_lock})")
        context.run_migrations()
