"""Health: is the process alive, and can it do its work."""

from __future__ import annotations

from flask import Response
from marshmallow import Schema, fields
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api import answers
from api.doors import Door
from app import database, storage
from auth import guards, token_keys, tokens

door = Door("health", guards.anyone, "/health", "For whoever watches the service.")
keys_door = Door("keys", guards.anyone, "/.well-known", "Published keys.")


class LiveSchema(Schema):
    status = fields.String(required=True, metadata={"example": "ok"})


class ReadySchema(Schema):
    status = fields.String(required=True, metadata={"example": "ok"})
    database = fields.Boolean(required=True)
    store = fields.Boolean(required=True)


class KeySetSchema(Schema):
    keys = fields.List(fields.Dict(), required=True)


@door.handles("GET", "/live", answer=LiveSchema)
def show_liveness(language: str, device: str) -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@door.handles("GET", "/ready", answer=ReadySchema, answers_also={503: "A part is away; the body says which."})
def show_readiness(language: str, device: str) -> Response:
    """The database and the store answer too."""
    parts = {"database": _database_answers(), "store": storage.is_ready()}
    ready = all(parts.values())
    content = {"status": "ok" if ready else "waiting", **parts}
    return answers.of(content, 200 if ready else 503)


@keys_door.handles("GET", "/jwks.json", answer=KeySetSchema)
def show_keys(language: str, device: str) -> Response:
    """The public keys of our access tokens (RFC 7517). Keep them five minutes at most."""
    return answers.with_content_tag(tokens.published_keys(), f"public, max-age={token_keys.CACHE_SECONDS}")


def _database_answers() -> bool:
    try:
        with database.reading() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
