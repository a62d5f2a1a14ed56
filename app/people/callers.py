"""Who is calling: what a guard found out about them, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Resident:
    """A resident with a live session.

    `level` is the identity level 0–4 of this login; `authenticated_at` is when the e-ID provider saw them.
    `organisation_id` is whom they act for (民法典 第一百六十五条): then `id` is the actor and this the principal.
    `session_ends` is when their session ends without a refresh; `generation` counts what their tokens said before.
    """

    id: UUID
    session_id: UUID
    level: int
    authenticated_at: datetime
    organisation_id: UUID | None = None
    session_ends: datetime | None = None
    generation: int = 0

    @property
    def scope(self) -> str:
        """The name under which idempotency keys and limits of this caller are kept."""
        return f"resident:{self.id}"


@dataclass(frozen=True, slots=True)
class Clerk:
    """A member of staff with a live session, whatever their role."""

    id: UUID
    session_id: UUID
    role: str
    department_code: str
    session_ends: datetime | None = None
    generation: int = 0

    @property
    def scope(self) -> str:
        return f"staff:{self.id}"


@dataclass(frozen=True, slots=True)
class Office:
    """An approval system whose signature over this very request was verified."""

    code: str
    message_id: str

    @property
    def scope(self) -> str:
        return f"office:{self.code}"


@dataclass(frozen=True, slots=True)
class WechatPush:
    """WeChat, whose signature over this very request was verified; `message` is None for a check of the address.

    `timestamp` and `nonce` are the request's own, by which a repeated one is known.
    """

    timestamp: str
    nonce: str
    message: dict[str, Any] | None

    @property
    def scope(self) -> str:
        return "wechat"


Caller = Resident | Clerk | Office | WechatPush
