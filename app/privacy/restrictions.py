"""Restrictions: "stop all but storage" (个人信息保护法 第四十七条第二款) for what the law keeps of somebody who left.

Staff learn that it exists and until when, and see nothing of it, unless the law itself gives the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from app.catalogue import services
from app.privacy import retention

REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "review": {"zh": "行政复议", "en": "administrative review"},
    "litigation": {"zh": "诉讼", "en": "litigation"},
    "supervision": {"zh": "监察、审计", "en": "supervision or audit"},
    "own_request": {"zh": "本人依法查阅", "en": "the person's own request"},
}
"""The reasons of the law for which a restricted submission is opened all the same."""

_WORDS = {
    "zh": "本人已注销账户。该办件依法只存储、不使用；确有法定事由的，请注明事由后查询。",
    "en": "The person closed the account: the law keeps this submission in storage only. Name a reason of the law, "
    "if there is one.",
}


def note(connection: Connection, submission: Any, legal_reason: str | None, language: str) -> dict[str, Any] | None:
    """What staff are told instead of the submission; None when they may see it."""
    if submission.restricted_at is None or legal_reason in REASONS:
        return None
    service = services.version(connection, submission.service_code, submission.service_version)
    kind = retention.of(service.definition)
    return {
        "reference": submission.reference,
        "since": submission.restricted_at,
        "until": retention.kept_until(kind, submission.completed_at),
        "retention": kind.words(language),
        "law": kind.law,
        "text": _WORDS[language],
        "reasons": {name: words[language] for name, words in REASONS.items()},
    }
