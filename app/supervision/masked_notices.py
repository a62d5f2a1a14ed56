"""Notices as those who handle a submission read them: the applicant's name and what lies in free text stay masked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection

from app.people import free_text, masks
from app.submissions import issued_notices


def listed(connection: Connection, row: Any, people: Collection[str], plain: bool) -> list[dict[str, Any]]:
    """The notices of a submission that was read with its key, the latest first. Raises NoticeAltered, SealError."""
    found = issued_notices.of(connection, row)
    return found if plain else [masked(notice, people) for notice in found]


def masked(notice: dict[str, Any], people: Collection[str]) -> dict[str, Any]:
    """One notice without what says who somebody is. Its hash stays that of what was issued."""
    reasons, recipient = notice["reasons"], notice["recipient"]
    items = [{**item, "words": free_text.masked(item["words"], people)} for item in notice["items"]]
    return {
        **notice,
        "recipient": recipient and masks.name(recipient),
        "reasons": reasons and free_text.masked(reasons, people),
        "items": items,
        "content_salt": None,
    }
