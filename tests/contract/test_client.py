"""A TypeScript client can be generated from openapi.yaml, and a program that uses it type-checks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import wsgi
from tests.contract.conftest import HERE, Node

OPENAPI = Path(wsgi.__file__).parent / "openapi.yaml"

# Node's tools must be fetched once, so a machine without a network leaves these out: -m "not contract".
pytestmark = pytest.mark.contract


def test_a_program_compiles_against_the_generated_types(tool: Node, tmp_path: Path) -> None:
    for name in ("client.ts", "tsconfig.json"):
        shutil.copy(HERE / name, tmp_path)
    generated = tool("openapi-typescript", OPENAPI, "--output", "openapi.ts")
    assert generated.returncode == 0, generated.stdout + generated.stderr

    checked = tool("tsc", "--project", "tsconfig.json")

    assert checked.returncode == 0, checked.stdout + checked.stderr
