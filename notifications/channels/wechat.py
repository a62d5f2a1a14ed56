"""WeChat: subscription messages of the mini-program (WeChat code2Session, getStableAccessToken,
subscribeMessage.send; domain-facts §1.1, 1.2, 1.4).

WeChat answers HTTP 200 with an `errcode`; a missing one means 0. It has no idempotency key, so a message whose
answer was lost is not sent again: a second one could burn the person's one-time permission.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import requests
import structlog

from app import outside_calls, outside_tokens
from app.outside_tokens import OutsideToken, TokenAway
from app.refusals import Refusal
from app.settings import settings

log = structlog.get_logger()

_BAD_TOKEN = frozenset({40001, 40014, 42001})
_BUSY = frozenset({-1, 43108, 45009})
# Wrong app id, wrong secret, our address is not on the list, secret frozen.
_OUR_FAULT = frozenset({40013, 40125, 40164, 40243})
# HTTP answers of somebody in between, who may have passed the message on before things went wrong.
_MAYBE_DONE = frozenset({500, 502, 504})


class WechatCodeRefused(Refusal):
    """WeChat does not know this login code (wrong, used or too old): the mini-program must call wx.login again."""


class WechatAway(Refusal):
    """WeChat cannot be reached or is busy; try again later."""


class WechatBusy(Exception):
    """WeChat surely did not send the message and may be asked again."""


@dataclass(frozen=True)
class Sent:
    """What became of one message: accepted (not yet delivered), refused for good, or unknown."""

    state: str
    detail: str
    receipt: dict[str, Any] | None = None


def openid_for(code: str) -> str:
    """Who used the mini-program, from a `wx.login` code. The session_key is dropped here and goes nowhere.

    Raises WechatCodeRefused, WechatAway.
    """
    query = {
        "appid": settings().wechat_app_id,
        "secret": settings().wechat_app_secret,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    try:
        answer = _call("GET", "/sns/jscode2session", params=query)
    except requests.RequestException:
        raise WechatAway from None
    told = answer.get("errcode", 0)
    errcode = told if type(told) is int else None
    if errcode in _OUR_FAULT:
        log.error("wechat_misconfigured", alarm=True, errcode=errcode)
        raise WechatAway
    if errcode in _BUSY or errcode == 45011:
        raise WechatAway
    if errcode != 0 or not isinstance(answer.get("openid"), str):
        raise WechatCodeRefused(wechat_errcode=errcode)
    return str(answer["openid"])


def send(openid: str, fields: dict[str, dict[str, str]]) -> Sent:
    """Send one progress message. Raises WechatBusy when it surely was not sent and may be tried again."""
    message = {
        "touser": openid,
        "template_id": settings().wechat_progress_template,
        "data": fields,
        "lang": "zh_CN",
    }
    token = _token()
    answer = _send_once(message, token)
    if answer.get("errcode", 0) in _BAD_TOKEN:
        answer = _send_once(message, _token(refused=token))
    errcode = answer.get("errcode", 0)
    if errcode == 0:
        return Sent("accepted", "ok", {"msgid": answer.get("msgid")})
    if errcode in _BUSY | _BAD_TOKEN:
        raise WechatBusy(errcode)
    return Sent("refused", f"errcode_{errcode}", {"rid": answer.get("rid")})


def _send_once(message: dict[str, Any], token: OutsideToken) -> dict[str, Any]:
    try:
        return _call("POST", "/cgi-bin/message/subscribe/send", params={"access_token": token.text}, content=message)
    except requests.ConnectionError as error:
        # Refused before anything was sent is safe to repeat; a connection lost later is not.
        if "NewConnectionError" in repr(error):
            raise WechatBusy("connection") from None
        return {"errcode": "lost"}
    except requests.HTTPError as error:
        if error.response.status_code in _MAYBE_DONE:
            return {"errcode": "lost"}
        raise WechatBusy("http") from None
    except requests.RequestException:
        return {"errcode": "lost"}


def _token(refused: OutsideToken | None = None) -> OutsideToken:
    """The access token that all processes and both rooms share; another one after WeChat refused the given one."""
    name = f"wechat:{settings().wechat_app_id}"
    try:
        if refused is None:
            return outside_tokens.get(name, _fetch_token)
        return outside_tokens.renew(name, refused, _fetch_token)
    except (requests.RequestException, TokenAway):
        raise WechatBusy("no_token") from None


def _fetch_token() -> tuple[str, int]:
    """A stable token and its seconds (300 to 7200, never assumed). Never by force, which would end the others'."""
    request = {
        "grant_type": "client_credential",
        "appid": settings().wechat_app_id,
        "secret": settings().wechat_app_secret,
        "force_refresh": False,
    }
    answer = _call("POST", "/cgi-bin/stable_token", content=request)
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or type(seconds) is not int or seconds <= 0:
        raise requests.RequestException(f"errcode {answer.get('errcode')}")
    return token, seconds


def _call(
    method: str, path: str, params: dict[str, str] | None = None, content: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One call. The Content-Type of WeChat's answers is not to be relied on: the text is parsed."""
    answer = outside_calls.call(
        method,
        settings().wechat_api_url + path,
        params=params,
        data=None if content is None else json.dumps(content, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json"},
    )
    if answer.status_code != 200:
        raise requests.HTTPError(response=answer)
    try:
        return outside_calls.read_object(answer)
    except ValueError:
        raise requests.exceptions.InvalidJSONError from None
