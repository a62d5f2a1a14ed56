"""A phone number as a way to log in: a one-time code by message, or read aloud by a call. No puzzle.

The equal route at the low level for who has neither e-ID nor WeChat. Whoever holds a number today need not be the
person of yesterday (operators give numbers out again), so it is level 1 and proves no person.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app import clock, database
from app.catalogue.formats import is_cn_mobile
from app.crypto import normal_forms
from app.people import code_limits, masks, one_time_codes
from app.refusals import InvalidContent
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderMisconfigured, Wish

LEVEL = 1
_SPACING = code_limits.LIMITS[code_limits.SEND_TO_NUMBER][0][1]


class CodeRefused(LoginRefused):
    """The one-time code is wrong, used, too old or tried too often: which of them, nobody is told."""

    def __init__(self, reason: str, code_id: str | None = None) -> None:
        super().__init__(reason)
        self.code_id = code_id


@dataclass
class PhoneProvider:
    """One-time codes to mainland mobile numbers. Whether anybody is known by the number makes no difference."""

    levels: dict[str, int] = field(default_factory=lambda: {"phone": LEVEL})
    protocol: str = "phone"

    def __post_init__(self) -> None:
        if set(self.levels) != {"phone"} or self.levels["phone"] not in (0, LEVEL):
            raise ProviderMisconfigured('levels is to be {"phone": 1}: a number is no person')

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """Have a code sent. Raises InvalidContent, CodesLimited."""
        number = normal_forms.phone(wish.phone or "")
        if not is_cn_mobile(number):
            raise InvalidContent(errors={"/phone": ["A mobile number of the mainland, such as 13800138000."]})
        with database.work() as work:
            code_id = one_time_codes.make(work, number, wish.voice, wish.address, wish.device)
        handshake.kept.update(code=str(code_id), voice=wish.voice)
        return {"sent_to": masks.phone(number), "resend_after": int(_SPACING.total_seconds())}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Check what the person typed. Raises CodeRefused, CodesLimited."""
        typed, kept = answer.get("code"), handshake.kept.get("code")
        if not isinstance(typed, str) or not isinstance(kept, str):
            raise CodeRefused("code_missing")
        number = one_time_codes.check(UUID(kept), typed)
        if number is None:
            raise CodeRefused("code_refused", kept)
        method = method_of(handshake.kept.get("voice") is True)
        return Proof(subject_of(number), self.levels["phone"], method, clock.now(), phone=number)


def subject_of(number: str) -> str:
    """The account's name for this login: stable, blind-indexed where it is kept, and not the number itself."""
    return f"tel-{hashlib.sha256(number.encode()).hexdigest()}"


def method_of(voice: bool) -> str:
    return "voice_otp" if voice else "sms_otp"
