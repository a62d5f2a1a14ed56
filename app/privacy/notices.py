"""Notices (告知书): what a person is told before their data are processed (PIPL art. 17, 30, 35).

Some are files in `texts/`; each service has one of its own, made from its definition. What was published never
changes: other content is a new version, and a consent or acknowledgement names the version that was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rfc8785
import yaml
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from app.catalogue import services
from app.catalogue.departments import departments
from app.catalogue.services import ServiceVersion
from app.database import Work, metadata
from app.privacy import purposes, service_notices
from app.refusals import NotFound

TEXTS = Path(__file__).parent / "texts"

_PAGE = 500

GENERAL, WECHAT_PUSH, CHILDREN = "general", "wechat-push", "children"

notices = Table(
    "notices",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    # Of a service's own notice: which edition of the service it tells of.
    Column("service_code", Text),
    Column("service_version", Integer),
    Column("content", JSONB, nullable=False),
    Column("content_sha256", Text, nullable=False),
    # Purpose → what a consent to it covers and how many are asked for, so that statements can compare it.
    Column("scopes", JSONB, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(
        ["service_code", "service_version"],
        ["service_versions.service_code", "service_versions.version"],
        name="notices_service_version_fk",
    ),
    Index(None, "service_code", "service_version"),
)


class NoticeNotFound(NotFound):
    """No such notice, or no such version of it, was published."""


class NoticeChanged(ValueError):
    """A file says something else under a version that was published: the change needs a version of its own."""


def publish(work: Work) -> int:
    """Publish every notice that says something new, of the files and of each current service; how many are new.

    Raises NoticeChanged.
    """
    # Two operators at once would give one version number to two contents.
    work.run_sql("LOCK TABLE notices IN SHARE ROW EXCLUSIVE MODE", {})
    texts = [read(path) for path in sorted(TEXTS.glob("*.yaml"))]
    new = sum(_publish_text(work, text) for text in texts)
    return new + sum(publish_service(work, service) for service in _current_services(work))


def publish_service(work: Work, service: ServiceVersion) -> bool:
    """Publish the notice of one service as its next version, unless the newest one says just this; True when new."""
    found = work.run(select(departments.c.details).where(departments.c.code == service.department_code)).scalar_one()
    content = service_notices.content(service, found, _newest_text(GENERAL))
    code = purposes.notice_code(service.code)
    newest = work.run(_newest(code)).one_or_none()
    if newest is not None and newest.content_sha256 == content_hash(content):
        return False
    about = {"service_code": service.code, "service_version": service.version}
    _insert(work, code, 1 if newest is None else newest.version + 1, content, about)
    return True


def _publish_text(work: Work, text: dict[str, Any]) -> bool:
    code, version = text["code"], text["version"]
    content = {name: part for name, part in text.items() if name not in ("code", "version")}
    published = select(notices.c.content_sha256).where(notices.c.code == code, notices.c.version == version)
    known = work.run(published).scalar()
    if known is not None:
        if known != content_hash(content):
            raise NoticeChanged(f"notice {code} version {version} was published with other words: raise its version")
        return False
    _insert(work, code, version, content, {})
    return True


def _insert(work: Work, code: str, version: int, content: dict[str, Any], about: dict[str, Any]) -> None:
    values = {"content": content, "content_sha256": content_hash(content), "scopes": _scopes(code, content), **about}
    work.run(insert(notices).values(code=code, version=version, **values))


def _scopes(code: str, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    told = purposes.in_notice(code, content)
    return {purpose.code: {"sha256": purpose.scope, "consents": len(purpose.consents)} for purpose in told}


def _current_services(work: Work) -> Iterator[ServiceVersion]:
    after = None
    while page := services.listing(work.connection, after, _PAGE):
        yield from page
        after = page[-1].code


def read(path: Path) -> dict[str, Any]:
    """One file of texts."""
    text: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return text


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256, in hex, over the canonical JSON (RFC 8785) of everything the notice says."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def newest(connection: Connection, code: str) -> Row[Any]:
    """The newest version of a notice. Raises NoticeNotFound."""
    return _found(connection.execute(_newest(code)).one_or_none())


def version(connection: Connection, code: str, number: int) -> Row[Any]:
    """One published version, however old. Raises NoticeNotFound."""
    statement = select(notices).where(notices.c.code == code, notices.c.version == number)
    return _found(connection.execute(statement).one_or_none())


def of_service(connection: Connection, service: ServiceVersion) -> Row[Any]:
    """The newest notice about this edition of a service. Raises NoticeNotFound.

    An edition whose notice would say just what an older one's says has none of its own.
    """
    statement = _newest(purposes.notice_code(service.code)).where(notices.c.service_version <= service.version)
    return _found(connection.execute(statement).one_or_none())


def asked(connection: Connection, code: str, number: int, purpose: str) -> tuple[str, ...]:
    """The kinds of consent that a version of a notice asks for to one of its purposes. Raises NoticeNotFound."""
    told = purposes.in_notice(code, version(connection, code, number).content)
    return next((found.consents for found in told if found.code == purpose), ())


def listing(connection: Connection, after: str | None, limit: int) -> list[Row[Any]]:
    """The newest version of up to `limit` notices in the order of their code, after the given code."""
    first_of_each = distinct_on(notices.c.code)
    statement = select(notices).ext(first_of_each).order_by(notices.c.code, notices.c.version.desc())
    if after is not None:
        statement = statement.where(notices.c.code > after)
    return list(connection.execute(statement.limit(limit)))


def _newest(code: str) -> Select[Any]:
    return select(notices).where(notices.c.code == code).order_by(notices.c.version.desc()).limit(1)


def _found(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise NoticeNotFound
    return row


def described(row: Row[Any]) -> dict[str, Any]:
    """A notice as it is shown: both languages side by side, whatever the caller's, because both are what was told."""
    told = purposes.in_notice(row.code, row.content)
    asked = [{**purpose.part, "consents": list(purpose.consents)} for purpose in told]
    return {**summary(row), "sections": row.content["sections"], "purposes": asked}


def summary(row: Row[Any]) -> dict[str, Any]:
    """A notice in one line of a list."""
    return {
        "code": row.code,
        "version": row.version,
        "title": row.content["title"],
        "service": row.service_code and {"code": row.service_code, "version": row.service_version},
        "sha256": row.content_sha256,
        "published_at": row.published_at,
    }


def _newest_text(code: str) -> dict[str, Any]:
    texts = [text for text in map(read, TEXTS.glob("*.yaml")) if text["code"] == code]
    return max(texts, key=lambda text: int(text["version"]))
