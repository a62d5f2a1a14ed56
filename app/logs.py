"""Logs: one JSON object a line, with a request id, and never a person.

Only event names, ids and numbers are logged: no bodies, no query strings, no names. Errors are logged by their
type and place, because their texts may quote what somebody typed. `app/redactions.py` is the net under that rule.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

from app import redactions
from app.crypto.failures import SealError


def configure() -> None:
    """Set up structlog and the standard library's loggers for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _place_of_error,
            _redacted,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OfLibraries())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def of_server() -> dict[str, Any]:
    """The logging configuration of granian, whose processes log before and beside the application."""
    handler = {"class": "logging.StreamHandler", "formatter": "ours", "stream": "ext://sys.stdout"}
    logger = {"handlers": ["ours"], "level": "WARNING", "propagate": False}
    return {
        "formatters": {"ours": {"()": "app.logs.OfLibraries"}},
        "handlers": {"ours": handler},
        "loggers": {"_granian": dict(logger), "granian.access": dict(logger)},
    }


class OfLibraries(logging.Formatter):
    """What libraries log, in our shape: their name, and an error's type and place. Their texts may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        event: MutableMapping[str, Any] = {"event": "library", "logger": record.name}
        event["level"] = record.levelname.lower()
        if record.exc_info and record.exc_info[1]:
            event.update(_place_of_error(None, "", {"exc_info": record.exc_info[1]}))
        event = redactions.of_line(event)
        event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        return json.dumps(event)


def take_over() -> None:
    """Log what Python itself would print: warnings, and errors that nobody caught, with their whole text.

    For a process that is all ours; `configure` leaves it to whoever runs us, such as a test.
    """
    logging.captureWarnings(True)
    # logging's own complaint about a line that cannot be formatted would print the line's arguments.
    logging.raiseExceptions = False

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            return
        _log_uncaught(error)

    def of_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None:
            _log_uncaught(told.exc_value)

    def unraisable(told: sys.UnraisableHookArgs) -> None:
        if told.exc_value is not None:
            _log_uncaught(told.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = of_process, of_thread, unraisable


def _log_uncaught(error: BaseException) -> None:
    structlog.get_logger().error("uncaught", exc_info=error)


def _redacted(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return redactions.of_line(event)


def _place_of_error(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the places it passed, without its text and without variables."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        if isinstance(error, SealError):
            # Its text is written for operators: it names the row and what is wrong with it, and no plain text.
            event["detail"] = str(error)
        event["places"] = [
            f"{'/'.join(frame.filename.rsplit('/', 2)[-2:])}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ]
    return event
