"""What openapi.yaml promises, the running API keeps: every operation, with sense and nonsense, over real HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wsgi
from app.settings import settings
from tests.product import Phone, RunJobs, picture

HERE = Path(__file__).parent
OPENAPI = Path(wsgi.__file__).parent / "openapi.yaml"
SECONDS = 25
# The same knocks every time, so that nobody's change fails for a fault of somebody else's. Another number finds
# others: SCHEMATHESIS_SEED=7.
SEED = ["--seed", os.environ.get("SCHEMATHESIS_SEED", "1")]


@pytest.fixture
def known(
    outside: str,
    phone: Phone,
    make_phone: Callable[..., Phone],
    make_clerk: Callable[[str], Phone],
    make_newcomer: Callable[[str, str], Phone],
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """The variables of schemathesis.toml and knocking.py: people with tokens, and things that exist."""
    monkeypatch.setenv("LOOKS_PER_HOUR", "100000")
    settings.cache_clear()
    draft = phone.start("residence-permit", {"reason": "residence"})
    unwanted = phone.start("residence-permit")
    upload = phone.upload(draft["id"], "photo", picture())
    wish = {"service": "housing-fund-balance", "submit": True}
    answered = phone.post("/v1/submissions", wish).json["id"]
    copy = phone.post("/v1/copies").json["id"]
    run_jobs()
    correction = phone.post("/v1/corrections", {"field": "phone", "new_value": "13812345678"}).json["id"]
    filed: Any = phone.post("/v1/submissions", wish).json
    clerk = make_newcomer("clerk", "gjj")
    look = {"reference": filed["reference"], "reason": "办事人来电询问进度"}
    assert clerk.post("/v1/desk/lookups", look).json["outcome"] == "shown"
    agreed = {"notice": "service-old-age-allowance", "version": 1, "purpose": "home-visits", "kind": "sharing"}
    consent: Any = phone.post("/v1/consents", agreed).json
    yield {
        "RESIDENT_TOKEN": phone.tokens["access_token"],
        "LEAVING_TOKEN": make_phone().tokens["access_token"],
        "LEAVING_STAFF_TOKEN": make_newcomer("clerk", "gjj").tokens["access_token"],
        # A clerk of the deciding department is the one who may do all that the desk does.
        "STAFF_TOKEN": clerk.tokens["access_token"],
        "AUDITOR_TOKEN": make_clerk("S0002").tokens["access_token"],
        "ADVISER_TOKEN": make_clerk("S0003").tokens["access_token"],
        "SUPERVISOR_TOKEN": make_newcomer("supervisor", "gjj").tokens["access_token"],
        "ADMINISTRATOR_TOKEN": make_newcomer("administrator", "gjj").tokens["access_token"],
        "CLOSING_TOKEN": make_phone().tokens["access_token"],
        "ERASURE": make_phone().post("/v1/erasures").json["id"],
        "COPY": copy,
        "CORRECTION": correction,
        "DRAFT": draft["id"],
        "UNWANTED": unwanted["id"],
        "UPLOAD": upload,
        "ANSWERED": answered,
        "FILED": filed["id"],
        "CONSENT": consent["id"],
        "OFFICE_SECRET": settings().offices["gongan"]["secrets"][0],
        "SCHEMATHESIS_HOOKS": "tests.contract.knocking",
        "PYTHONPATH": str(HERE.parents[1]),
    }
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.timeout(SECONDS * 12)  # On a busy machine its generators take far longer than the knocking.
def test_every_operation_answers_as_it_says(
    known: dict[str, str], settings_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
    command += [str(OPENAPI), "--url", settings_environment["PUBLIC_URL"], "--max-time", str(SECONDS)]
    command += ["--continue-on-failure", "--no-color", "--generation-database", "none", *SEED]

    done = subprocess.run(command, cwd=tmp_path, env=os.environ | known, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
