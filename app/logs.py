"""Logs: one JSON object a line, with a request id, and never a person.

Only event names, ids and numbers are logged: no bodies, no query strings, no names. Errors are logged by their
type and place, because their texts may quote what somebody typed.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog


def configure() -> None:
    """Set up structlog and the standard library's loggers for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place_of_error,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_OfLibraries())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _OfLibraries(logging.Formatter):
    """What libraries log, in our shape: their name, and an error's type and place. Their texts may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info and record.exc_info[1]:
            event |= _place_of_error(None, "", {"exc_info": record.exc_info[1]})
        event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        return json.dumps(event)


def _place_of_error(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the places it passed, without its text and without variables."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["places"] = [
            f"{frame.filename.rsplit('/', 2)[-2]}/{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ]
    return event
