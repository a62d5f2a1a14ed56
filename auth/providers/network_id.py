"""The national network identity service (国家网络身份认证公共服务, domain-facts §2.1): a token of its phone SDK.

Our server asks the service for a `bizSeq`, good for one transaction; the app hands it to the service's SDK, and
brings back what the SDK gave: `idCardAuthData`, and `certPwdData` where a password was asked. What the SDK says of
success is not even looked at: our server gives these to the service and believes its answer alone.

By default the service tells a result and a pseudonymous code, no name and no number (管理办法: 仅需验证身份的，只返回
验证结果). Plain text is asked for only when the person agreed separately, and dropped when it comes unasked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from auth.providers import options
from auth.providers.interface import Handshake, LoginRefused, Proof, ProviderAway, ProviderMisconfigured, Wish
from auth.providers.redirects import brought
from auth.providers.signed_calls import SignedCalls

SUCCESS = "C0000000"
MODES = {"R01": 0, "R02": 1, "R03": 0, "R04": 1}
"""How the person proves it, and the SDK's `type` for it: 0 is the credential, 1 the credential and its password."""

_BIZ_SEQ = re.compile(r"[0-9A-Za-z]{32}")


@dataclass
class NetworkIdProvider:
    """The service as one application is registered there. `levels` maps the modes that we use to our scale."""

    url: str
    org_id: str
    app_ids: dict[str, str]
    access_key: str
    secret_key: str = field(repr=False)
    levels: dict[str, int]
    protocol: str = "network_id"
    _calls: SignedCalls = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options.require_address(url=self.url)
        options.require_text(org_id=self.org_id, access_key=self.access_key, secret_key=self.secret_key)
        options.require_words(app_ids=self.app_ids)
        options.require_levels(self.levels)
        if unknown := sorted(set(self.levels) - set(MODES)):
            raise ProviderMisconfigured(f"levels names no mode of the service: {', '.join(unknown)}")
        self._calls = SignedCalls(self.access_key, self.secret_key)

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """What the app calls the SDK with: `{"sdk": {"orgID", "appIDs", "bizSeq", "type"}}`."""
        mode = self._mode(wish.level)
        asked = {"orgID": self.org_id, "mode": mode, "plaintext": wish.plaintext}
        biz_seq = self._asked("bizSeq", asked).get("bizSeq")
        if not isinstance(biz_seq, str) or not _BIZ_SEQ.fullmatch(biz_seq):
            raise ProviderAway
        handshake.kept.update(biz_seq=biz_seq, mode=mode, plaintext=wish.plaintext)
        sdk = {"orgID": self.org_id, "appIDs": self.app_ids, "bizSeq": biz_seq, "type": MODES[mode]}
        return {"sdk": sdk}

    def _mode(self, level: int | None) -> str:
        """The mode that is enough and asks the least of the person, or the strongest there is."""
        by_level = sorted(self.levels, key=lambda mode: (self.levels[mode], mode))
        return next((mode for mode in by_level if self.levels[mode] >= (level or 0)), by_level[-1])

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Ask the service what came of our own transaction; one of another login is refused before."""
        biz_seq, mode = handshake.kept.get("biz_seq"), handshake.kept.get("mode")
        if brought(answer, "biz_seq") != biz_seq:
            raise LoginRefused("biz_seq_of_another_login")
        asked = {"orgID": self.org_id, "bizSeq": biz_seq, "idCardAuthData": brought(answer, "id_card_auth_data")}
        if MODES.get(str(mode)) == 1:
            asked["certPwdData"] = brought(answer, "cert_pwd_data")
        told = self._asked("verify", asked | {"plaintext": handshake.kept.get("plaintext") is True})
        if told.get("bizSeq") != biz_seq or told.get("mode") != mode:
            raise LoginRefused("result_of_another_login")
        return self._proof(told, handshake.kept.get("plaintext") is True)

    def _asked(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = self._calls.post(f"{self.url.rstrip('/')}/{name}", content)
        code = answer.get("resultCode")
        if not isinstance(code, str):
            raise ProviderAway
        if code != SUCCESS:
            raise LoginRefused("network_id_refused")
        return answer

    def _proof(self, told: dict[str, Any], plaintext: bool) -> Proof:
        subject = told.get("pid")
        if not isinstance(subject, str) or not subject:
            raise ProviderAway
        level = self.levels.get(str(told["mode"]), 0)
        return Proof(subject, level, self.protocol, _instant(told.get("authTime")), _plain(told) if plaintext else {})


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """Name and number, where the person let the service tell them; they may have agreed with us and not with it."""
    person = told.get("plaintext")
    if not isinstance(person, dict):
        return {}
    found = {"name": person.get("name"), "document_type": "111", "document_number": person.get("idNumber")}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise LoginRefused("person_incomplete")
    return found


def _instant(milliseconds: Any) -> datetime:
    """Milliseconds since 1970. Raises LoginRefused."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise LoginRefused("auth_time_malformed") from None
