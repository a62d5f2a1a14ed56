"""Doors: a blueprint that cannot be hung without its guard, and operations that say everything about themselves.

An operation is declared once: its body, its answer, what it refuses. From that come the validation, the OpenAPI
page, the unit of work, and the idempotency of whatever creates or acts. The handler itself is one call.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Request, Response, current_app, g, make_response, request
from flask_smorest import Blueprint
from marshmallow import Schema
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from api import errors
from api.headers import IDEMPOTENCY_KEY, KEY_LIMIT, REVISION
from api.schemas.problems import ProblemSchema
from app import database, idempotency
from app.catalogue.availability import Client, client_of
from app.database import Work
from app.refusals import Refusal
from auth import throttles
from auth.guards import Guard
from auth.throttles import Throttled
from auth.tokens import TokenInvalid, TokenMissing

View = Callable[..., Any]

_LIMIT_HEADERS = {
    "Retry-After": {"description": "Seconds to wait (RFC 9110 §10.2.3).", "schema": {"type": "integer"}},
    "RateLimit-Policy": {"description": "The limit: q tries in w seconds.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left: r tries, more in t seconds.", "schema": {"type": "string"}},
}

_STORED_HEADERS = ("ETag", "Location", "Content-Type")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request inside a door: who calls, in which language, and the database as this operation may use it."""

    caller: Any
    language: str
    connection: Connection
    _work: Work | None = None

    @property
    def work(self) -> Work:
        """The unit of work of an operation that saves."""
        assert self._work is not None, "operations that read have no unit of work"
        return self._work

    @property
    def device(self) -> str:
        """How the client names itself, shortened; the person sees it in their list of devices."""
        return request.headers.get("User-Agent", "")[:200]

    @property
    def client(self) -> Client | None:
        """The program that asks, by its header `OnePhone-Client`; None when it does not say."""
        return client_of(request.headers.get("OnePhone-Client", ""))

    @property
    def is_conditional(self) -> bool:
        """Whether the client says on which state it builds; `*` is any (RFC 9110 §13.1.1)."""
        return "If-Match" in request.headers

    @property
    def revision(self) -> int | None:
        """The revision of the If-Match header; None without one. Raises BadHeader."""
        tag = request.headers.get("If-Match")
        if tag is None or tag == "*":
            return None
        known = REVISION.fullmatch(tag)
        if known is None:
            raise errors.BadHeader(errors={"If-Match": ["Not an ETag of this resource."]})
        return int(known[1])


@dataclass(frozen=True)
class Operation:
    """What one operation says about itself to whoever asks who may enter where."""

    method: str
    path: str
    guard: str
    throttle: str | None


class _Bodies(FlaskParser):
    """How bodies are read: JSON in UTF-8 and nothing else, whatever was sent to hurt the reader."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        if g.body_absent:
            return {}
        try:
            return current_app.json.loads(req.get_data(cache=True).decode())
        # Nested without end, or a number of ten thousand digits.
        except (ValueError, RecursionError):
            raise BadRequest from None


class Door(Blueprint):
    """One noun's operations behind one guard."""

    ARGUMENTS_PARSER = _Bodies()

    def __init__(self, noun: str, guard: Guard, url_prefix: str, description: str) -> None:
        if not isinstance(guard, Guard):
            raise TypeError(f"the door {noun} has no guard: say who may enter, such as guards.residents")
        super().__init__(noun, __name__, url_prefix=url_prefix, description=description)
        self.guard = guard
        self.operations: list[Operation] = []
        self.before_request(self._enter)

    def _enter(self) -> None:
        request.max_content_length = self.guard.body_limit()
        g.caller = self.guard.check(request)

    def reads(self, rule: str, **contract: Any) -> Callable[[View], View]:
        """A GET: reads in autocommit, saves nothing."""
        return self._operation("GET", rule, _reading, **contract)

    def acts(self, rule: str, **contract: Any) -> Callable[[View], View]:
        """A POST that creates or acts, once per Idempotency-Key, in one unit of work."""
        refuses = (
            errors.IdempotencyKeyMissing,
            errors.BadHeader,
            idempotency.RequestInProgress,
            idempotency.IdempotencyKeyReused,
        )
        contract["refuses"] = (*refuses, *contract.get("refuses", ()))
        contract["headers"] = (IDEMPOTENCY_KEY, *contract.get("headers", ()))
        return self._operation("POST", rule, _once, **contract)

    def saves(self, method: str, rule: str, **contract: Any) -> Callable[[View], View]:
        """Any other method, or a POST with its own way to be repeated, in one unit of work."""
        return self._operation(method, rule, _saving, **contract)

    def handles(self, method: str, rule: str, **contract: Any) -> Callable[[View], View]:
        """An operation whose domain function saves by itself, because it must let go of the database meanwhile."""
        return self._operation(method, rule, _alone, **contract)

    def _operation(
        self,
        method: str,
        rule: str,
        edge: Callable[[View], View],
        *,
        answer: type[Schema] | Schema | None = None,
        status: int = 200,
        body: type[Schema] | None = None,
        body_required: bool = True,
        query: type[Schema] | None = None,
        refuses: tuple[type[Refusal], ...] = (),
        headers: tuple[dict[str, Any], ...] = (),
        media_type: str = "application/json",
        answers_also: dict[int, str] | None = None,
        produces: str | None = None,
        throttle: str | None = None,
        location: str = "json",
    ) -> Callable[[View], View]:
        if throttle is not None:
            if throttle not in throttles.THROTTLES:
                raise TypeError(f"{rule} names the throttle {throttle}, which is not in THROTTLES")
            refuses = (*refuses, Throttled)

        def register(view: View) -> View:
            shape = answer if produces is None else {"type": "string", "format": "binary"}
            declared = self.response(status, shape, content_type=produces)(view)
            if body is not None:
                declared = self.arguments(body(), location=location, content_type=media_type, required=body_required)(
                    declared
                )
            if query is not None:
                declared = self.arguments(query(), location="query")(declared)
            also = self._refusals(rule, body or query, refuses)
            also += [self.alt_response(code, description=words) for code, words in (answers_also or {}).items()]
            for says in also:
                _say(declared, says)
            docs: dict[str, Any] = {"operationId": view.__name__, "security": self._security()}
            docs["description"] = f"{inspect.getdoc(view)} {self.guard.words}"
            if headers:
                # This takes the place of parameters that come from a query; no operation has both.
                assert query is None
                docs["parameters"] = list(headers)
            # Only the words are taken: the function that brought them would be called at every request.
            declared._apidoc = self.doc(**docs)(declared)._apidoc
            inner = edge(declared)
            guarded = inner if body is None else _json_body(inner, media_type, body_required)
            if throttle is not None:
                guarded = _throttled(guarded, throttle)
            self.route(rule, methods=[method])(guarded)
            self.operations.append(Operation(method, f"{self.url_prefix}{rule}", self.guard.name, throttle))
            return view

        return register

    def _security(self) -> list[dict[str, list[str]]]:
        """One of the ways to prove oneself is enough."""
        return [{scheme: []} if scheme else {} for scheme in self.guard.schemes]

    def _refusals(self, rule: str, taken: object, refuses: tuple[type[Refusal], ...]) -> list[Callable[[View], View]]:
        """What publishes every problem that an operation can answer, one for each status."""
        codes: dict[int, list[str]] = {}
        for refusal in (*refuses, *self._of_the_guard()):
            codes.setdefault(errors.problem_of(refusal).status, []).append(refusal.code())
        if "<" in rule:
            codes.setdefault(404, []).append("path_unknown")
        if taken is not None:
            codes.setdefault(400, []).append("request_malformed")
            codes.setdefault(422, []).append("content_invalid")
        if taken is not None:
            codes.setdefault(413, []).append("body_too_large")
            codes.setdefault(415, []).append("media_type_unsupported")
        codes.setdefault(411, []).append("length_required")
        codes.setdefault(503, []).append("temporarily_unavailable")
        return [self._refusal(status, names) for status, names in sorted(codes.items())]

    def _refusal(self, status: int, names: list[str]) -> Callable[[View], View]:
        words = "Problem: " + ", ".join(f"`{name}`" for name in dict.fromkeys(names))
        example = {
            "type": f"urn:onephone:problem:{names[0]}",
            "title": "…",
            "status": status,
            "detail": "…",
            "code": names[0],
        }
        says: Callable[[View], View] = self.alt_response(
            status,
            schema=ProblemSchema,
            description=words,
            content_type=errors.CONTENT_TYPE,
            headers=_LIMIT_HEADERS if status == 429 else None,
            example={**example, "instance": "urn:uuid:019aa0de-5b50-7a1c-9a6e-6a1f6f0f2b11"},
        )
        return says

    def _of_the_guard(self) -> tuple[type[Refusal], ...]:
        if {"resident", "staff", "watcher"} & set(self.guard.schemes):
            return (TokenMissing, TokenInvalid)
        return ()


def _say(view: View, says: Callable[[View], View]) -> None:
    """Add an answer to a view's words. It is said of a function that has none: each such decorator copies all the
    words before its own, which for every problem of every door was a third of the time in which a process starts."""
    said = says(lambda: None)._apidoc["response"]["responses"]  # type: ignore[attr-defined]
    for status, answers in said.items():
        view._apidoc["response"]["responses"].setdefault(status, []).extend(answers)  # type: ignore[attr-defined]


def _json_body(view: View, media_type: str, required: bool) -> View:
    """Refuse a body of another media type at once, instead of reading it as an empty one.

    An operation whose body is not required also takes none at all, which old clients send.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        g.body_absent = not required and not request.content_length
        if request.mimetype != media_type and not g.body_absent:
            raise UnsupportedMediaType
        return view(*args, **kwargs)

    return checked


def _throttled(view: View, throttle: str) -> View:
    """Count the try before anything else is done, and by itself: it lasts although the request is refused."""

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        throttles.pass_through(throttle, request, g.caller, _content)
        return view(*args, **kwargs)

    return counted


def _content() -> Any:
    """The JSON of the body; None for what is none, which is refused later, where its faults are named."""
    try:
        return current_app.json.loads(request.get_data(cache=True).decode())
    except (ValueError, RecursionError):
        return None


def _reading(view: View) -> View:
    @wraps(view)
    def read(**kwargs: Any) -> Any:
        return database.again_if_away(lambda: _read_once(view, kwargs))

    return read


def _read_once(view: View, kwargs: dict[str, Any]) -> Any:
    with database.reading() as connection:
        return view(Visit(g.caller, g.language, connection), **kwargs)


def _saving(view: View) -> View:
    @wraps(view)
    def saved(**kwargs: Any) -> Any:
        return database.again_if_undone(lambda: _save_once(view, kwargs))

    return saved


def _save_once(view: View, kwargs: dict[str, Any]) -> Any:
    with _work() as work:
        return view(Visit(g.caller, g.language, work.connection, work), **kwargs)


@contextmanager
def _work() -> Iterator[Work]:
    """The unit of work of one request; a refusal undoes it, unless it is one that leaves a record."""
    told: Refusal | None = None
    with database.work() as work:
        try:
            yield work
        except Refusal as refusal:
            if not refusal.is_recorded:
                raise
            told = refusal
    if told is not None:
        raise told


def _alone(view: View) -> View:
    @wraps(view)
    def handled(**kwargs: Any) -> Any:
        return view(g.language, request.headers.get("User-Agent", "")[:200], **kwargs)

    return handled


def _once(view: View) -> View:
    """Do the work once per key; answer a repetition from the record that was saved with the work."""

    @wraps(view)
    def once(**kwargs: Any) -> Any:
        record = {"scope": g.caller.scope, "key": _idempotency_key()}
        asked = _request()
        # A key makes trying again harmless: after a lost connection nobody knows whether the commit
        # arrived, and the record says it. A clash of two first tries, or of two random references, ends the
        # same way.
        return database.again_if_away(
            lambda: _try_once(view, kwargs, record, asked), IntegrityError, _AnsweredMeanwhile
        )

    return once


class _AnsweredMeanwhile(Exception):
    """The first try was saved between our look at its record and our lock on its key."""


def _try_once(view: View, kwargs: dict[str, Any], record: dict[str, str], asked: idempotency.Request) -> Response:
    with _work() as work:
        stored = idempotency.claim(work, record["scope"], record["key"], asked)
        if stored is not None:
            replay = Response(stored.body, stored.status, {**stored.headers, "Idempotent-Replayed": "true"})
            return replay
        try:
            response = make_response(view(Visit(g.caller, g.language, work.connection, work), **kwargs))
        except Refusal:
            # What refused it may be what the first try has just done: then that answer is the right one.
            if idempotency.claim(work, record["scope"], record["key"], asked) is not None:
                raise _AnsweredMeanwhile from None
            raise
        headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
        answer = {"request_mac": asked.mac, "status": response.status_code, "headers": json.dumps(headers)}
        idempotency.remember(work, {**record, **answer, "body": response.get_data(as_text=True)})
    return response


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise errors.IdempotencyKeyMissing
    if len(key) > KEY_LIMIT or not key.isascii() or not key.isprintable() or " " in key:
        raise errors.BadHeader(errors={"Idempotency-Key": [f"1 to {KEY_LIMIT} visible ASCII characters."]})
    return key


def _request() -> idempotency.Request:
    """What makes two requests the same: method, address and body."""
    head = f"{request.method} {request.full_path}\n".encode()
    return idempotency.Request(head + request.get_data(cache=True))
