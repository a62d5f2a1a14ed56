"""Logs: an error's place and never its text, whoever logs it, and Python itself too."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app import database, logs
from app.crypto.failures import SealBroken
from app.identifiers import new_id

PLANTED = "532399196902024418"
LIBRARIES = (
    "sqlalchemy.engine.Engine",
    "sqlalchemy.pool",
    "botocore.endpoint",
    "urllib3.connectionpool",
    "procrastinate.worker",
    "_granian",
    "granian.access",
    "alembic.runtime.migration",
    "werkzeug",
    "py.warnings",
)


def raised(error: Exception) -> Exception:
    """The error as somebody caught it, with a frame whose variables hold something."""
    secret_of_the_frame = PLANTED
    try:
        assert secret_of_the_frame
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_librarys_words_are_not_written(name: str) -> None:
    error = raised(ValueError(PLANTED))
    record = logging.LogRecord(
        name, logging.WARNING, "", 1, "sent %s", (PLANTED,), (ValueError, error, error.__traceback__)
    )
    line = json.loads(logs.OfLibraries().format(record))
    assert (line["event"], line["logger"], line["error"]) == ("library", name, "ValueError")
    assert PLANTED not in json.dumps(line)


def test_even_a_loggers_name_is_looked_at() -> None:
    record = logging.LogRecord(f"pool.{PLANTED}", logging.ERROR, "", 1, "", (), None)
    assert json.loads(logs.OfLibraries().format(record))["logger"] == "pool.[document number]"


@pytest.mark.parametrize("form", ["error", "tuple", "true"])
def test_an_error_is_its_type_and_places(product: Flask, log: list[str], form: str) -> None:
    try:
        raise ValueError(PLANTED) from KeyError(PLANTED)
    except ValueError as error:
        given: Any = {"error": error, "tuple": sys.exc_info(), "true": True}[form]
        structlog.get_logger().error("fault", exc_info=given, note=f"about {PLANTED}")
    line = json.loads(log[-1])
    assert (line["error"], line["note"]) == ("ValueError", "about [document number]")
    assert "test_logs.py" in line["places"][-1]
    assert PLANTED not in "".join(log)


def test_what_breaks_a_seal_is_named_for_the_operator(product: Flask, log: list[str]) -> None:
    error = raised(SealBroken("residents.name of 019aa0de-5b50-7a1c-9a6e-6a1f6f0f2b11 was altered"))
    structlog.get_logger().warning("job_failed", exc_info=error)
    assert json.loads(log[-1])["detail"].startswith("residents.name of 019aa0de-5b50-7a1c")


def test_a_database_error_quotes_its_values_to_the_handler_alone(product: Flask, log: list[str]) -> None:
    """psycopg's text holds PostgreSQL's DETAIL with the value in it, whatever `hide_parameters` says."""
    twice = "INSERT INTO staff SELECT * FROM jsonb_populate_record((SELECT s FROM staff s LIMIT 1), %(changed)s)"
    with pytest.raises(IntegrityError) as failed, database.work() as work:
        work.run_sql(twice, {"changed": json.dumps({"id": str(new_id()), "role": PLANTED})})
    assert isinstance(failed.value.orig, psycopg.Error) and PLANTED in str(failed.value)
    structlog.get_logger().error("fault", exc_info=failed.value)
    assert PLANTED not in "".join(log)


PROGRAM = f"""
import gc, logging, threading, warnings
from app import logs
logs.take_over()
logs.configure()

class Unraisable:
    def __del__(self):
        raise ValueError("{PLANTED}")

def break_in_a_thread():
    raise ValueError("{PLANTED}")

thread = threading.Thread(target=break_in_a_thread)
thread.start()
thread.join()
Unraisable()
warnings.warn("{PLANTED}")
logging.getLogger("urllib3").warning("%d", "{PLANTED}")
logging.getLogger("asyncio").error("Task exception was never retrieved", exc_info=ValueError("{PLANTED}"))
raise RuntimeError("{PLANTED}")
"""


def test_what_python_itself_would_print_is_a_line_of_ours() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True)
    assert done.returncode == 1
    assert PLANTED not in done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in told] == ["uncaught", "uncaught", "library", "library", "library", "uncaught"]
    assert [line.get("error") for line in told] == [
        "ValueError",
        "ValueError",
        None,
        None,
        "ValueError",
        "RuntimeError",
    ]
    assert done.stderr == ""
