"""Switches: how well each stand-in behaves at this moment, so that bad days can be played.

GET  /<part>/control  → the switch
PUT  /<part>/control  JSON with any of mode, delay_s, auto, twice → the switch; 400 for anything else
POST /<part>/control  the same by a form of a page, then back to the page
Parts: eid, wechat, sms, housing-fund, office/<code>.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.memory import Memory, memory

SCHEMA = """create table if not exists switch (
    part text primary key, mode text not null default 'ok', delay_s real not null default 2,
    auto integer not null default 1, twice integer not null default 0);"""

LONGEST_DELAY = 120  # seconds
GARBAGE = "<<<\x00 this is not what you asked for"

blueprint = Blueprint("switches", __name__)
View = Callable[..., Any]


def modes(part: str) -> list[str]:
    """ok, down (503), slow (waits first), wrong (garbage); WeChat also knows busy (errcode -1), limited (45011) and
    blocked (40226); the carrier knows duplicate (delivers twice)."""
    more = {"wechat": ["busy", "limited", "blocked"], "sms": ["duplicate"]}
    return ["ok", "down", "slow", "wrong", *more.get(part, [])]


def parts() -> list[str]:
    names: list[str] = current_app.extensions["sandbox.parts"]
    return names


def read_switch(store: Memory, part: str) -> dict[str, Any]:
    """{"mode", "delay_s", "auto", "twice"} of a part; the defaults when nobody ever touched it."""
    row = store.row("select mode, delay_s, auto, twice from switch where part = ?", part)
    found = row or {"mode": "ok", "delay_s": 2.0, "auto": 1, "twice": 0}
    return {**found, "auto": bool(found["auto"]), "twice": bool(found["twice"])}


def write_switch(store: Memory, part: str, changes: dict[str, Any]) -> None:
    """Set the given keys. ValueError says what is wrong with them."""
    check_changes(part, changes)
    with store.change() as db:
        db.execute("insert or ignore into switch (part) values (?)", (part,))
        for key, value in changes.items():  # The keys were checked: none of them is a stranger's SQL.
            db.execute(f"update switch set {key} = ? where part = ?", (value, part))


def check_changes(part: str, changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if key == "mode" and value in modes(part):
            continue
        if key in ("auto", "twice") and isinstance(value, bool):
            continue
        if key == "delay_s" and type(value) in (int, float) and 0 <= value <= LONGEST_DELAY:
            continue
        raise ValueError(f"{key} may not be {value!r}")


def obeys(pattern: str) -> Callable[[View], View]:
    """Make a view obey the switch of its part; {code} in the pattern is the view's own URL parameter."""

    def decorate(view: View) -> View:
        @wraps(view)
        def obedient(**parameters: Any) -> Any:
            part = pattern.format(**parameters)
            misbehaviour = misbehave(part)
            if misbehaviour is None:
                dawdle(part)
            return misbehaviour or view(**parameters)

        return obedient

    return decorate


def misbehave(part: str) -> Response | None:
    """The answer of a part that is down or talks nonsense, None when it works."""
    mode = read_switch(memory(), part)["mode"]
    if mode == "down":
        return Response("503 Service Unavailable\n", 503, mimetype="text/plain")
    if mode == "wrong":
        return Response(GARBAGE, 200, mimetype="text/html")
    return None


def dawdle(part: str) -> None:
    """Wait first when the part is slow."""
    switch = read_switch(memory(), part)
    if switch["mode"] == "slow":
        time.sleep(switch["delay_s"])


@blueprint.get("/<path:part>/control")
def show_control(part: str) -> Response:
    known_or_404(part)
    return jsonify(read_switch(memory(), part))


@blueprint.put("/<path:part>/control")
def set_control(part: str) -> Response | tuple[Response, int]:
    known_or_404(part)
    changes = request.get_json(silent=True)
    if not isinstance(changes, dict):
        return jsonify(error="a JSON object, please"), 400
    try:
        write_switch(memory(), part, changes)
    except ValueError as wrong:
        return jsonify(error=str(wrong)), 400
    return jsonify(read_switch(memory(), part))


@blueprint.post("/<path:part>/control")
def press(part: str) -> AnyResponse:
    known_or_404(part)
    flags = {"1": True, "0": False}
    wanted: dict[str, Any] = {k: flags.get(v, v) for k, v in request.form.items() if k != "back"}
    try:
        write_switch(memory(), part, wanted)
    except ValueError:
        abort(400)
    back = request.form.get("back", "")
    return redirect(f"/{back}" if back in parts() else "/", 303)


def known_or_404(part: str) -> None:
    if part not in parts():
        abort(404)
