"""WeChat as a way to log in: whoever holds this phone's WeChat, and with a tap their phone number too.

code2Session and getuserphonenumber (domain-facts §1.1, 1.3). WeChat vouches for no name and no ID number, so such a
login is level 1 whatever is configured. Answers are HTTP 200 and judged by `errcode`, a missing one meaning 0; their
Content-Type is not to be relied on. The session_key is dropped where the answer is read and goes nowhere.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import structlog

from app import clock, outside_calls, outside_tokens
from app.crypto import normal_forms
from app.outside_tokens import OutsideToken, TokenAway
from app.settings import settings
from auth.providers.interface import (
    Handshake,
    LoginRefused,
    Proof,
    ProviderAway,
    ProviderBusy,
    ProviderMisconfigured,
    Wish,
)

log = structlog.get_logger()

LEVEL = 1
"""An account and nothing more (domain-facts §2.3): WeChat knows a phone, not a person."""

_BUSY = -1
_TOO_OFTEN = frozenset({45011, 45009})
_BLOCKED = 40226
_BAD_CODE = frozenset({40029, 40163, 41008})
_BAD_TOKEN = frozenset({40001, 40014, 42001})
# Wrong app id, wrong secret, our address is not on the list, secret frozen; and what follows from leaving one out.
_OUR_FAULT = frozenset({40002, 40013, 40125, 40164, 40243, 41002, 41004, 47001})

_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.2
_MINUTE = 60
_PER_MINUTE = 100
_RID = re.compile(r"rid: ([0-9A-Za-z-]{1,60})")
_COUNTRY = re.compile(r"[1-9][0-9]{0,3}")
_NUMBER = re.compile(r"[0-9]{5,15}")


class WechatBlocked(LoginRefused):
    """WeChat holds this user for a high risk and blocked the login (40226). Final: trying again changes nothing, so
    the answer names the other ways in."""


@dataclass
class WechatProvider:
    """The mini-program of the settings. `unionid` and phone number come only when WeChat gives them."""

    levels: dict[str, int] = field(default_factory=lambda: {"wechat": LEVEL})
    protocol: str = "wechat"

    def __post_init__(self) -> None:
        if set(self.levels) != {"wechat"} or self.levels["wechat"] not in (0, LEVEL):
            raise ProviderMisconfigured('levels is to be {"wechat": 1}: WeChat vouches for no person')

    def begin(self, handshake: Handshake, wish: Wish) -> dict[str, Any]:
        """Nothing is needed: the mini-program calls wx.login by itself."""
        return {}

    def identify(self, handshake: Handshake, answer: dict[str, Any]) -> Proof:
        """Redeem `code` of wx.login, and `phone_code` of the phone button where the person tapped it.

        Raises WechatBlocked, LoginRefused, ProviderBusy, ProviderAway.
        """
        openid, unionid = _session(_told(answer, "code"))
        phone = _phone_of(openid, _told(answer, "phone_code")) if answer.get("phone_code") else None
        claims = {} if unionid is None else {"unionid": unionid}
        return Proof(openid, self.levels["wechat"], "wechat", clock.now(), claims, phone)


def _told(answer: dict[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise LoginRefused(f"{name}_missing")
    return found


def _session(code: str) -> tuple[str, str | None]:
    """(openid, unionid) of a wx.login code. The unionid comes only where the mini-program is bound to an Open
    Platform account."""
    query = {
        "appid": settings().wechat_app_id,
        "secret": settings().wechat_app_secret,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    answer = _judged(lambda: _call("GET", "/sns/jscode2session", query))
    openid, unionid = answer.get("openid"), answer.get("unionid")
    if not isinstance(openid, str) or not openid:
        raise ProviderAway
    return openid, unionid if isinstance(unionid, str) and unionid else None


def _phone_of(openid: str, phone_code: str) -> str:
    """The number that the person just gave by a tap. The openid goes along, so that WeChat refuses a code that
    somebody else's phone made."""
    body = {"code": phone_code, "openid": openid}
    token = _token()
    path = "/wxa/business/getuserphonenumber"

    def ask() -> dict[str, Any]:
        nonlocal token
        answer = _call("POST", path, {"access_token": token.text}, body)
        if _errcode(answer) in _BAD_TOKEN:
            token = _token(refused=token)
            answer = _call("POST", path, {"access_token": token.text}, body)
        return answer

    return _number(_judged(ask).get("phone_info"))


def _number(told: Any) -> str:
    """The number in its normal form. `countryCode` comes as a string or as a number."""
    info = told if isinstance(told, dict) else {}
    watermark = info.get("watermark")
    if not isinstance(watermark, dict) or watermark.get("appid") != settings().wechat_app_id:
        log.warning("wechat_phone_of_another_app")
        raise LoginRefused("watermark_foreign")
    country, number = str(info.get("countryCode", "")), str(info.get("purePhoneNumber", ""))
    if not _COUNTRY.fullmatch(country) or not _NUMBER.fullmatch(number):
        raise ProviderAway
    return normal_forms.phone(f"+{country}{number}")


def _judged(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer when it is a good one; a busy WeChat (-1) is asked again, twice, and nothing else is."""
    pause = _FIRST_PAUSE_SECONDS
    for remaining in range(_TRIES - 1, -1, -1):
        try:
            answer = ask()
        except requests.RequestException:
            # The code may have been taken although its answer was lost, so it is not offered a second time.
            raise ProviderAway from None
        if _errcode(answer) != _BUSY or not remaining:
            break
        time.sleep(pause)
        pause *= 2
    _refuse(answer)
    return answer


def _refuse(answer: dict[str, Any]) -> None:
    """Raises what an errcode means; nothing for 0."""
    errcode = _errcode(answer)
    if errcode == 0:
        return
    about = {"errcode": errcode, "rid": _rid(answer)}
    if errcode in _OUR_FAULT | _BAD_TOKEN:
        log.error("wechat_misconfigured", alarm=True, **about)
        raise ProviderAway
    log.warning("wechat_refused", **about)
    if errcode == _BUSY:
        raise ProviderAway
    if errcode in _TOO_OFTEN:
        raise ProviderBusy(retry_after=_MINUTE, limit=_PER_MINUTE, window=_MINUTE)
    if errcode == _BLOCKED:
        raise WechatBlocked("wechat_blocked")
    raise LoginRefused("code_refused" if errcode in _BAD_CODE else "wechat_refused")


def _errcode(answer: dict[str, Any]) -> int | None:
    """0 when it is missing, None when it is no number at all."""
    told = answer.get("errcode", 0)
    return told if type(told) is int else None


def _rid(answer: dict[str, Any]) -> str | None:
    """The request's name at WeChat, by which its operators find it (openApi-mgnt)."""
    found = _RID.search(str(answer.get("errmsg", "")))
    return found[1] if found else None


def _token(refused: OutsideToken | None = None) -> OutsideToken:
    """The access token that all processes and both rooms share; another one after WeChat refused the given one."""
    name = f"wechat:{settings().wechat_app_id}"
    try:
        if refused is None:
            return outside_tokens.get(name, _fetch_token)
        return outside_tokens.renew(name, refused, _fetch_token)
    except (requests.RequestException, TokenAway):
        raise ProviderAway from None


def _fetch_token() -> tuple[str, int]:
    """A stable token and its seconds (300 to 7200, never assumed). Never by force, which would end the others'."""
    request = {
        "grant_type": "client_credential",
        "appid": settings().wechat_app_id,
        "secret": settings().wechat_app_secret,
        "force_refresh": False,
    }
    answer = _call("POST", "/cgi-bin/stable_token", {}, request)
    if _errcode(answer) in _OUR_FAULT | _TOO_OFTEN:
        _refuse(answer)
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or type(seconds) is not int or seconds <= 0:
        log.warning("wechat_gave_no_token", errcode=_errcode(answer), rid=_rid(answer))
        raise ProviderAway
    return token, seconds


def _call(method: str, path: str, query: dict[str, str], content: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call; raises RequestException for everything that is no JSON object."""
    answer = outside_calls.call(
        method,
        settings().wechat_api_url + path,
        params=query,
        data=None if content is None else json.dumps(content, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json"},
    )
    if answer.status_code != 200:
        raise requests.HTTPError(response=answer)
    try:
        return outside_calls.read_object(answer)
    except ValueError:
        raise requests.exceptions.InvalidJSONError from None
