"""The approval system of an office (审批系统): takes signed submissions, answers by itself or by a clerk.

POST /office/<code>/events                    a submission → 202, 200 when seen before, 400, 401, 422, 503
GET  /office/<code>                           the page; with Accept: application/json the cases as JSON
POST /office/<code>/cases/<office_reference>  {"kind", "reason"} → 202; kinds are in office_cases.KINDS
"""

import time
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox import office_cases as cases
from sandbox import office_names
from sandbox.memory import memory
from sandbox.office_answers import Sender
from sandbox.office_events import (
    CHANGED,
    BadEvent,
    BadMaterial,
    BadSignature,
    MaterialUnreachable,
    check_materials,
    check_signature,
    read_event,
)
from sandbox.office_result import mask_name, service_name
from sandbox.settings import settings
from sandbox.switches import obeys, read_switch

REFUSALS: dict[type[Exception], tuple[int, str]] = {
    BadSignature: (401, "bad_signature"),
    BadEvent: (400, "bad_event"),
    BadMaterial: (422, "bad_material"),
    MaterialUnreachable: (503, "material_unreachable"),
}
WORDS = {
    "received": ("待受理", "Received"),
    "accepted": ("已受理", "Accepted"),
    "in_review": ("审查中", "In review"),
    "approved": ("准予", "Approved"),
    "refused": ("不予", "Refused"),
    "declined": ("不予受理", "Declined"),
    "correction_asked": ("要求补正", "Correction asked"),
    "correcting": ("待补正", "Awaiting correction"),
    "suspended": ("特别程序", "Suspended"),
    "resumed": ("恢复审查", "Resumed"),
    "extended": ("延长期限", "Extended"),
    "terminated": ("终止", "Terminated"),
    "withdrawn": ("已撤回", "Withdrawn"),
    "delivered": ("已送达", "Delivered"),
    "completed": ("已办结", "Completed"),
}
# Which buttons make sense in which state; the JSON way may send any answer at any time, as bad offices do.
BUTTONS = {
    "received": ("accepted", "correction_asked", "declined"),
    "accepted": ("in_review", "approved", "refused", "suspended", "extended"),
    "in_review": ("approved", "refused", "suspended", "extended"),
    "suspended": ("resumed",),
    "resumed": ("approved", "refused"),
    "extended": ("in_review", "approved", "refused"),
}

blueprint = Blueprint("office", __name__, url_prefix="/office")


def sender() -> Sender:
    found: Sender = current_app.extensions["sandbox.sender"]
    return found


def office_or_404(code: str) -> dict[str, Any]:
    if code not in settings().offices:
        abort(404)
    return settings().offices[code]


@blueprint.post("/<code>/events")
@obeys("office/{code}")
def receive(code: str) -> tuple[Response, int]:
    """A submission, as a signed CloudEvent → {"office_reference"}."""
    office = office_or_404(code)
    try:
        return take(code, request.get_data(), office["secrets"])
    except tuple(REFUSALS) as refusal:
        status, error = REFUSALS[type(refusal)]
        return jsonify(error=error, detail=str(refusal)), status


def take(code: str, body: bytes, secrets: list[str]) -> tuple[Response, int]:
    check_signature(body, dict(request.headers), secrets)
    event = read_event(body, request.mimetype, request.headers.get("webhook-id"), code)
    if event["type"] == CHANGED:
        return take_change(code, event)
    if known := cases.find_received(memory(), code, event["id"]):
        return jsonify(office_reference=known), 200
    check_materials(event["data"]["materials"])
    by_itself = read_switch(memory(), f"office/{code}")["auto"]
    received = cases.receive(memory(), code, event, by_itself, time.time())
    sender().wake()
    return jsonify(office_reference=received.office_reference), 202 if received.is_new else 200


def take_change(code: str, event: dict[str, Any]) -> tuple[Response, int]:
    """What happened at OnePhone to a case that is here; 404 for one that is not."""
    if event["data"]["case"] is not None:
        check_materials(event["data"]["case"]["materials"])
    by_itself = read_switch(memory(), f"office/{code}")["auto"]
    if not cases.change(memory(), code, event, by_itself, time.time()):
        return jsonify(error="unknown_case"), 404
    sender().wake()
    return jsonify(outcome="noted"), 202


@blueprint.get("/<code>")
def show(code: str) -> Any:
    office_or_404(code)
    found = cases.list_cases(memory(), code)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(items=found)
    return render_template(
        "office.html",
        code=code,
        name=office_names.name(code),
        part=f"office/{code}",
        switch=read_switch(memory(), f"office/{code}"),
        cases=found,
        words=WORDS,
        buttons=BUTTONS,
        mask_name=mask_name,
        service_name=service_name,
    )


@blueprint.post("/<code>/cases/<office_reference>")
def answer(code: str, office_reference: str) -> AnyResponse | tuple[Response, int]:
    """A clerk's answer, from the page's buttons or as JSON; it is kept first and sent in the background."""
    office_or_404(code)
    asked: Any = request.get_json(silent=True) if request.is_json else request.form
    kind, reason = (asked.get("kind"), asked.get("reason")) if hasattr(asked, "get") else (None, None)
    if kind not in cases.KINDS or not isinstance(reason, str | None):
        return jsonify(error="bad_answer"), 400
    terms = asked.get("terms") if request.is_json else None
    if not cases.add_answer(memory(), code, office_reference, str(kind), reason or None, terms):
        return jsonify(error="no_such_case"), 404
    sender().wake()
    if request.is_json:
        return jsonify(state="planned"), 202
    return redirect(f"/office/{code}#{office_reference}", 303)
