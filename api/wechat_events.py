"""Where WeChat pushes what happened to its users: the message push of the mini-program."""

from __future__ import annotations

from flask import Response, request

from api.doors import Door, Visit
from auth import guards
from auth.wechat_push import WechatSignatureInvalid
from notifications import wechat_events
from notifications.wechat_events import PushReplayed

door = Door("wechat_events", guards.wechat, "/v1/wechat/events", "WeChat's message push.")


@door.reads("", produces="text/plain", refuses=(WechatSignatureInvalid,))
def check_wechat_address(visit: Visit) -> Response:
    """Answer the check of this address with its `echostr`."""
    echo = request.args.get("echostr", "")
    if len(echo) > 200 or not echo.isascii() or not echo.isprintable():
        raise WechatSignatureInvalid
    return Response(echo, mimetype="text/plain")


@door.saves("POST", "", produces="text/plain", refuses=(WechatSignatureInvalid, PushReplayed))
def take_wechat_event(visit: Visit) -> Response:
    """Take an event as JSON or XML, in safe mode or in plain; the same one any number of times."""
    wechat_events.receive(visit.work, visit.caller)
    return Response("success", mimetype="text/plain")
