"""Notices: what anyone may read before their data are processed."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response

from api.answers import with_etag
from api.doors import Door, Visit
from api.errors import CursorInvalid
from api.headers import IF_NONE_MATCH
from api.paging import PageQuery, after_text, page
from api.schemas.notices import LARGEST_VERSION, NoticePageSchema, NoticeSchema
from app.privacy import notices
from app.privacy.notices import NoticeNotFound
from auth import guards

door = Door("notices", guards.anyone, "/v1/notices", "Privacy notices (个人信息处理告知书), in both languages.")

_NOTICE = NoticeSchema()
_PAGE = NoticePageSchema()

UNCHANGED = {304: "The notice the client has is still the newest."}


@door.reads(
    "",
    query=PageQuery,
    answer=NoticePageSchema,
    refuses=(CursorInvalid,),
    answers_also={304: "Nothing on this page was published anew since the ETag in If-None-Match."},
)
def list_notices(visit: Visit, query: dict[str, Any]) -> Response:
    """The newest version of every notice."""
    found = notices.listing(visit.connection, after_text(query["cursor"]), query["limit"] + 1)
    tag = hashlib.sha256("".join(row.content_sha256 for row in found).encode()).hexdigest()[:32]
    shown = page([notices.summary(row) for row in found], query["limit"], "code")
    return _public(with_etag(lambda: _PAGE.dump(shown), f"{tag}-{query['limit']}"))


@door.reads("/<code>", answer=NoticeSchema, refuses=(NoticeNotFound,), headers=(IF_NONE_MATCH,), answers_also=UNCHANGED)
def read_notice(visit: Visit, code: str) -> Response:
    """The newest version of one notice."""
    return shown(notices.newest(visit.connection, code))


@door.reads(
    f"/<code>/versions/<int(min=1, max={LARGEST_VERSION}):number>",
    answer=NoticeSchema,
    refuses=(NoticeNotFound,),
    headers=(IF_NONE_MATCH,),
    answers_also={304: "A published version never changes."},
)
def read_notice_version(visit: Visit, code: str, number: int) -> Response:
    """One version, however old: what somebody consented to can always be read."""
    return shown(notices.version(visit.connection, code, number))


def shown(row: Any) -> Response:
    """A notice with the hash of its content as ETag; the same for every language."""
    return _public(with_etag(lambda: _NOTICE.dump(notices.described(row)), f"{row.version}-{row.content_sha256[:32]}"))


def _public(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
