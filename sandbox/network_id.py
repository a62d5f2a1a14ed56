"""The national network identity service (国家网络身份认证公共服务, domain-facts §2.1) and its app on a phone.

POST /network-id/bizSeq   {"orgID", "mode", "plaintext"} → {"resultCode", "bizSeq"}
GET  /network-id/app      orgID, appID, bizSeq, type, back → the app's page; back with what the SDK gives
POST /network-id/verify   {"orgID", "bizSeq", "idCardAuthData", "certPwdData"?, "plaintext"} → the result

Both calls are signed by HMAC headers. A bizSeq is good for one verification, by the organisation that asked for it.
C0000000 and C0412002 (app not installed) are the service's own codes; public sources tell no others, so the rest of
those here are made up.
"""

import hmac
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request

from sandbox.memory import memory
from sandbox.persons import PERSONS, Person, residents
from sandbox.settings import settings
from sandbox.signed_calls import Unsigned, signer
from sandbox.switches import obeys

PART = "network-id"
LIFE = 300  # seconds
SUCCESS, CANCELLED, REFUSED = "C0000000", "C0401001", "C0402001"
MODES = {"R01": 0, "R02": 1, "R03": 0, "R04": 1}  # mode → type: 0 credential, 1 credential and password

SCHEMA = """create table if not exists network_id (
    biz_seq text primary key, org_id text not null, mode text not null, plaintext integer not null, person text,
    auth_data text, password_data text, consented integer not null default 0, auth_time integer,
    expires_at real not null, used integer not null default 0);"""

blueprint = Blueprint("network_id", __name__, url_prefix="/network-id")


@blueprint.errorhandler(Unsigned)
def unsigned(error: Unsigned) -> tuple[Response, int]:
    return jsonify(resultCode="C0401000", resultDesc=str(error)), 401


@blueprint.post("/bizSeq")
@obeys(PART)
def make_biz_seq() -> Response:
    asked = signed()
    if asked.get("mode") not in MODES:
        return refused("unknown mode")
    made = secrets.token_hex(16)
    row = (made, asked["orgID"], asked["mode"], int(asked.get("plaintext") is True), time.time() + LIFE)
    memory().execute("insert into network_id (biz_seq, org_id, mode, plaintext, expires_at) values (?,?,?,?,?)", *row)
    return jsonify(resultCode=SUCCESS, resultDesc="ok", bizSeq=made)


@blueprint.route("/app", methods=["GET", "POST"])
@obeys(PART)
def app() -> Any:
    """What the SDK opens. POST person=<key> (consent=1 lets name and number be told) goes back to the calling app."""
    asked = request.args
    known = settings().network_id_apps.get(asked.get("orgID", ""))
    row = memory().row("select * from network_id where biz_seq = ?", asked.get("bizSeq", ""))
    if known is None or asked.get("appID") not in known["app_ids"].values() or asked.get("back") not in known["back"]:
        return wrong("orgID, appID, back")
    if row is None or row["org_id"] != asked["orgID"] or row["person"] or row["expires_at"] < time.time():
        return wrong("bizSeq")
    if asked.get("type") != str(MODES[row["mode"]]):
        return wrong("type")
    if request.method == "GET":
        return render_template("network_id.html", people=residents(), row=row, password=asked["type"] == "1")
    person = request.form.get("person", "")
    if person == "deny":
        return give_back({"resultCode": CANCELLED, "bizSeq": row["biz_seq"]})
    if person not in (one.key for one in residents()):
        return wrong("person")
    return give_back(prove(row, person, request.form.get("consent") == "1"))


def prove(row: dict[str, Any], person: str, consented: bool) -> dict[str, str]:
    """What the SDK hands to the app that called it."""
    auth_data = secrets.token_urlsafe(96)
    password_data = secrets.token_urlsafe(48) if MODES[row["mode"]] == 1 else None
    memory().execute(
        "update network_id set person = ?, auth_data = ?, password_data = ?, consented = ?, auth_time = ?"
        " where biz_seq = ? and person is null",
        *(person, auth_data, password_data, int(consented), int(time.time() * 1000), row["biz_seq"]),
    )
    given = {"resultCode": SUCCESS, "bizSeq": row["biz_seq"], "idCardAuthData": auth_data}
    return given | ({"certPwdData": password_data} if password_data else {})


def give_back(given: dict[str, str]) -> Any:
    back = request.args["back"]
    joined = "&" if "?" in back else "?"
    state = {"state": request.args["state"]} if "state" in request.args else {}
    return redirect(f"{back}{joined}{urlencode(given | state)}", 302)


def wrong(what: str) -> tuple[str, int]:
    detail = f"{what} 无效 is not valid"
    return render_template("eid_error.html", error="invalid_request", detail=detail), 400


@blueprint.post("/verify")
@obeys(PART)
def verify() -> Response:
    """The result of one transaction, told once; name and number only where both sides want it and the person agreed."""
    asked = signed()
    row = take(str(asked.get("bizSeq", "")), asked["orgID"])
    if row is None or row["person"] is None:
        return refused("bizSeq unknown, used or expired")
    if not same(row["auth_data"], asked.get("idCardAuthData")):
        return refused("idCardAuthData wrong")
    if row["password_data"] is not None and not same(row["password_data"], asked.get("certPwdData")):
        return refused("certPwdData wrong")
    person = PERSONS[row["person"]]
    told = {
        "bizSeq": row["biz_seq"],
        "mode": row["mode"],
        "pid": memory().pseudonym("network_id.pid", row["org_id"], person.key).hex(),
        "authTime": row["auth_time"],
    }
    if row["plaintext"] and row["consented"] and asked.get("plaintext") is True:
        told["plaintext"] = {"name": person.name, "idNumber": person.document_number}
    return jsonify(resultCode=SUCCESS, resultDesc="ok", **told)


def same(kept: str, came: object) -> bool:
    return hmac.compare_digest(kept.encode(), str(came).encode(errors="replace"))


def signed() -> dict[str, Any]:
    """The body of a request that its own organisation signed. Raises Unsigned."""
    asked = request.get_json(silent=True)
    org_id = asked.get("orgID") if isinstance(asked, dict) else None
    known = settings().network_id_apps.get(org_id) if isinstance(org_id, str) else None
    if known is None:
        raise Unsigned("unknown organisation")
    signer(request, {known["access_key"]: known["secret"]})
    return dict(asked or {})


def refused(words: str) -> Response:
    return jsonify(resultCode=REFUSED, resultDesc=words)


def take(biz_seq: str, org_id: str) -> dict[str, Any] | None:
    """Use a transaction up, for its own organisation and while fresh, whatever else is wrong with the request."""
    with memory().change() as db:
        found = db.execute(
            "update network_id set used = 1 where biz_seq = ? and org_id = ? and used = 0 and expires_at > ?"
            " returning *",
            (biz_seq, org_id, time.time()),
        ).fetchone()
    return dict(found) if found else None


def owner_of_biz_seq(biz_seq: str) -> Person | None:
    """Who proved who they are in it. Only for the demo phone, which plays this very person."""
    row = memory().row("select person from network_id where biz_seq = ?", biz_seq)
    return PERSONS.get(row["person"] or "") if row else None
