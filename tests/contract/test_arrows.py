"""The rule of arrows holds, and a wrong import is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
ROOMS = ("api", "app", "approvals", "auth", "bench", "notifications", "sandbox")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the rooms, to be spoilt."""
    for room in ROOMS:
        shutil.copytree(HOME / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "onephone.py", "pyproject.toml"):
        shutil.copy(HOME / name, tmp_path / name)
    return tmp_path


def test_every_arrow_points_down() -> None:
    linted = lint(HOME)

    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("app/clock.py", "import api.errors"),
        ("app/clock.py", "import flask"),
        ("notifications/inbox.py", "import approvals.decisions"),
        ("approvals/handover.py", "import wsgi"),
        ("sandbox/eid.py", "import app.clock"),
        ("bench/rows.py", "import app.database"),
    ],
)
def test_a_wrong_import_breaks_a_contract(copy: Path, file: str, wrong: str) -> None:
    path = copy / file
    path.write_text(f"{path.read_text()}\n{wrong}\n")

    linted = lint(copy)

    assert linted.returncode == 1
    assert "BROKEN" in linted.stdout
