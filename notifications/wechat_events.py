"""What WeChat tells us by its message push: who allowed messages, who took it back, what became of one.

Subscription events (subscribe-message guide; domain-facts §1.4). WeChat repeats a push that was not answered within
five seconds, so each event is taken once, in the transaction that remembers it. JSON gives a single `List` entry
bare and several as an array, XML nests them, and numbers come as texts: all shapes are read.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, DateTime, LargeBinary, Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from app import clock, database, jobs
from app.crypto import data_keys
from app.database import Work, metadata
from app.people.callers import WechatPush
from app.refusals import Refusal
from app.settings import settings
from notifications import subscriptions

log = structlog.get_logger()

_KEPT = timedelta(days=1)
_MAC = "wechat push"
_MOST = 100

wechat_pushes = Table(
    "wechat_pushes",
    metadata,
    # MACs of the request's time and nonce, and of the event itself, which names a person and is kept nowhere.
    Column("mac", LargeBinary, primary_key=True),
    Column("content_mac", LargeBinary, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False, index=True),
)

POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
_NESTED = {POPUP: "SubscribeMsgPopupEvent", CHANGE: "SubscribeMsgChangeEvent", SENT: "SubscribeMsgSentEvent"}


class PushReplayed(Refusal):
    """The signature of an earlier push, with another content behind it."""


def receive(work: Work, push: WechatPush) -> None:
    """Take one push; the same one, or the same event in another, any number of times. Raises PushReplayed."""
    if push.message is None:
        return
    content = json.dumps(push.message, sort_keys=True, ensure_ascii=True).encode()
    request = f"{push.timestamp}\n{push.nonce}".encode()
    if not _remembered(work, b"nonce\0" + request, content) or not _remembered(work, b"event\0" + content, content):
        log.info("wechat_push_repeated")
        return
    openid, event = push.message.get("FromUserName"), push.message.get("Event")
    if not isinstance(openid, str) or not openid or not isinstance(event, str) or event not in _NESTED:
        log.info("wechat_push_of_no_use")
        return
    for entry in _entries(push.message, event)[:_MOST]:
        _apply(work, openid, event, entry)


def _remembered(work: Work, name: bytes, content: bytes) -> bool:
    """Whether this is the first time; of two at once the second waits for the first. Raises PushReplayed."""
    mac, content_mac = (data_keys.fingerprint(_MAC, part) for part in (name, content))
    row = insert(wechat_pushes).values(mac=mac, content_mac=content_mac, taken_at=clock.now())
    if work.run(row.on_conflict_do_nothing().returning(wechat_pushes.c.mac)).one_or_none() is not None:
        return True
    before = select(wechat_pushes.c.content_mac).where(wechat_pushes.c.mac == mac)
    if bytes(work.run(before).scalar_one()) != content_mac:
        raise PushReplayed
    return False


def _entries(message: dict[str, Any], event: str) -> list[dict[str, Any]]:
    """The entries of `List`, wherever it is and whether it is one or many."""
    nested = message.get(_NESTED[event])
    told = nested.get("List") if isinstance(nested, dict) else message.get("List")
    many = told if isinstance(told, list) else [told]
    return [entry for entry in many if isinstance(entry, dict)]


def _apply(work: Work, openid: str, event: str, entry: dict[str, Any]) -> None:
    if entry.get("TemplateId") != settings().wechat_progress_template:
        return
    status = entry.get("SubscribeStatusString")
    if event == POPUP and status == "accept":
        subscriptions.confirm(work, openid)
    elif event == CHANGE and status == "reject":
        subscriptions.cancel(work, openid)
    elif event == SENT:
        _note_sent(work, openid, entry)


def _note_sent(work: Work, openid: str, entry: dict[str, Any]) -> None:
    """What became of a message that WeChat had accepted; its failures are those of the system alone."""
    msgid, code = str(entry.get("MsgID", "")), str(entry.get("ErrorCode", ""))
    if not _is_number(msgid) or not _is_number(code.removeprefix("-")):
        return
    subscriptions.note_sent(work, openid, msgid, int(code))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


@jobs.tasks.periodic(cron="27 * * * *")
@jobs.task("purge_wechat_pushes", queueing_lock="purge_wechat_pushes")
def purge(timestamp: int) -> None:
    """Forget pushes that are too old to be repeated: their time alone refuses them."""
    with database.work() as work:
        work.run(delete(wechat_pushes).where(wechat_pushes.c.taken_at < clock.now() - _KEPT))
