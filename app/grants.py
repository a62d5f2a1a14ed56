"""Grants: what the service's own login may do in the database, and what nobody but the owner may.

The service runs as a login in the role `onephone_service`. It reads and writes rows; it owns nothing, so it makes,
alters and drops nothing, and in append-only tables (`database.append_only`) it adds rows and changes no more than the
named columns: neither a fault in our code nor whoever takes the service over rewrites what happened (domain-facts
§4.2: audit). `onephone migrate` applies this after every migration, as the owner.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, make_url, text

from app import database
from app.settings import settings

ROLE: Final = "onephone_service"

_READ_AND_WRITE = "SELECT, INSERT, UPDATE, DELETE"
_FOR_ALL = f"""
GRANT USAGE ON SCHEMA public TO {ROLE};
GRANT {_READ_AND_WRITE} ON ALL TABLES IN SCHEMA public TO {ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {_READ_AND_WRITE} ON TABLES TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {ROLE};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE};
"""


def apply() -> str:
    """Make the role and its grants, as the owner; what came of it, in words."""
    engine = database.owner_engine()
    try:
        with engine.begin() as connection:
            if not _made(connection):
                return (
                    f"the database has no role {ROLE} and {connection.engine.url.username} may not make it:"
                    f" CREATE ROLE {ROLE} NOLOGIN; then run migrate again"
                )
            connection.exec_driver_sql(_FOR_ALL)
            for statement in _append_only():
                connection.exec_driver_sql(statement)
            return _give(connection)
    finally:
        engine.dispose()


def held(connection: Connection) -> bool:
    """Whether the database holds this connection's login to it: it could not remove a row of history."""
    may = text("SELECT has_table_privilege(current_user, 'public.history', 'DELETE')")
    return not connection.execute(may).scalar_one()


def _made(connection: Connection) -> bool:
    """Whether the role is there, made now if need be and if this login may."""
    if connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": ROLE}).first():
        return True
    may = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    if not connection.execute(text(may)).scalar_one():
        return False
    connection.exec_driver_sql(f"CREATE ROLE {ROLE} NOLOGIN")
    return True


def _append_only() -> list[str]:
    found = []
    for table in database.metadata.sorted_tables:
        columns = database.changeable_columns(table)
        if columns is not None:
            # Taking the right to a table away takes that to its columns away, too.
            found.append(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table.name} FROM {ROLE}")
            if columns:
                found.append(f"GRANT UPDATE ({', '.join(columns)}) ON {table.name} TO {ROLE}")
    return found


def _give(connection: Connection) -> str:
    """Put the service's login into the role."""
    login, owner = make_url(settings().database_url).username, connection.engine.url.username
    if login == owner:
        return f"{owner} owns the tables and serves, too: give the service a login of its own (docs/operations.md)"
    quoted = connection.dialect.identifier_preparer.quote(str(login))
    connection.exec_driver_sql(f"GRANT {ROLE} TO {quoted}")
    return f"{login} serves in the role {ROLE}"
