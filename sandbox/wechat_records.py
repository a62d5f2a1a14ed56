"""What WeChat remembers: login codes, access tokens, credits (订阅次数) and delivered messages."""

import base64
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from sandbox.memory import memory
from sandbox.persons import PERSONS
from sandbox.settings import settings

SCHEMA = """
create table if not exists wechat_code (
    code text primary key, person text not null, expires_at real not null, used integer not null default 0);
create table if not exists wechat_phone_code (
    code text primary key, person text not null, expires_at real not null, used integer not null default 0);
create table if not exists wechat_token (
    token text primary key, made_at real not null, expires_at real not null, forced integer not null,
    invalid integer not null default 0);
create table if not exists wechat_credit (
    person text not null, template_id text not null, credits integer not null default 0,
    primary key (person, template_id));
create table if not exists wechat_message (
    msgid integer primary key, person text not null, template_id text not null, page text, data text not null,
    at text not null);
"""

RENEW_BEFORE = 300  # seconds before the end; old and new are both valid in between
FIRST_MSGID = 2_258_154_938_567_852_032  # as large as the real ones: more than a double can hold exactly


def openid_of(person: str) -> str:
    """28 characters, the same for one person and one app for ever."""
    digest = memory().pseudonym("wechat.openid", settings().wechat_app_id, person)
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]


def person_of(openid: object) -> str | None:
    return next((key for key in PERSONS if openid_of(key) == openid), None)


def make_code(person: str) -> str:
    """A login code, of wx.login."""
    return _make_code("wechat_code", person)


def make_phone_code(person: str) -> str:
    """A code of the phone button, which is another kind (getPhoneNumber)."""
    return _make_code("wechat_phone_code", person)


def _make_code(table: str, person: str) -> str:
    code = "0" + secrets.token_urlsafe(24)[:31]
    life = settings().login_code_life
    memory().execute(f"insert into {table} values (?, ?, ?, 0)", code, person, time.time() + life)
    return code


def take_code(code: str) -> tuple[str | None, bool]:
    """(person, was it used before) of a login code; (None, False) for one that is unknown or too old."""
    return _take_code("wechat_code", code)


def take_phone_code(code: str) -> tuple[str | None, bool]:
    """The same for a code of the phone button."""
    return _take_code("wechat_phone_code", code)


def _take_code(table: str, code: str) -> tuple[str | None, bool]:
    with memory().change() as db:
        row = db.execute(f"select * from {table} where code = ?", (code,)).fetchone()
        if row is None or row["expires_at"] < time.time():
            return None, False
        db.execute(f"update {table} set used = 1 where code = ?", (code,))
        return row["person"], bool(row["used"])


def stable_token(force: bool) -> tuple[str, int] | str:
    """(token, whole seconds left), or the reason why a forced refresh is refused: too_soon or too_often.

    Normal mode gives the same token again and a new one in its last 5 minutes; force_refresh ends the
    old ones at once, 20 times a day, 30 seconds apart (WeChat getStableAccessToken).
    """
    now = time.time()
    with memory().change() as db:
        forced = db.execute(
            "select count(*) as n, max(made_at) as last from wechat_token where forced = 1 and made_at > ?",
            (now - 86400,),
        ).fetchone()
        if force and forced["last"] and forced["last"] > now - 30:
            return "too_soon"
        if force and forced["n"] >= 20:
            return "too_often"
        if force:
            db.execute("update wechat_token set invalid = 1")
        life = settings().access_token_life
        row = db.execute(
            "select token, expires_at from wechat_token where invalid = 0 and expires_at > ?"
            " order by made_at desc limit 1",
            (now + min(RENEW_BEFORE, life / 2),),
        ).fetchone()
        if row is not None:
            return row["token"], int(row["expires_at"] - now)
        token = secrets.token_urlsafe(102)
        db.execute("insert into wechat_token values (?, ?, ?, ?, 0)", (token, now, now + life, force))
        return token, life


def token_state(token: str) -> str:
    """valid, expired or unknown (which is also what a revoked one is)."""
    row = memory().row("select * from wechat_token where token = ?", token)
    if row is None or row["invalid"]:
        return "unknown"
    return "valid" if row["expires_at"] > time.time() else "expired"


def add_credits(person: str, template_id: str, times: int) -> int:
    """One accept is one message, and accepts add up (one-time subscription). The new number of credits."""
    with memory().change() as db:
        db.execute("insert or ignore into wechat_credit values (?, ?, 0)", (person, template_id))
        row = db.execute(
            "update wechat_credit set credits = credits + ? where person = ? and template_id = ? returning credits",
            (times, person, template_id),
        ).fetchone()
        return int(row["credits"])


def deliver(person: str, template_id: str, page: str | None, data: dict[str, Any]) -> int | None:
    """Take one credit and keep the message; its msgid, or None when there is no credit."""
    with memory().change() as db:
        paid = db.execute(
            "update wechat_credit set credits = credits - 1 where person = ? and template_id = ? and credits > 0",
            (person, template_id),
        ).rowcount
        if not paid:
            return None
        last = db.execute("select max(msgid) as last from wechat_message").fetchone()["last"]
        msgid = (last or FIRST_MSGID) + 1
        at, kept = datetime.now(UTC).isoformat(timespec="milliseconds"), json.dumps(data, ensure_ascii=False)
        db.execute("insert into wechat_message values (?,?,?,?,?,?)", (msgid, person, template_id, page, kept, at))
        return msgid


def messages_of(person: str) -> list[dict[str, Any]]:
    """What this person's WeChat shows, oldest first."""
    found = memory().rows("select * from wechat_message where person = ? order by msgid", person)
    return [{**row, "data": json.loads(row["data"])} for row in found]


def credits_of(person: str) -> int:
    row = memory().row("select sum(credits) as n from wechat_credit where person = ?", person)
    return (row and row["n"]) or 0


def clear_credits(person: str) -> None:
    memory().execute("update wechat_credit set credits = 0 where person = ?", person)
