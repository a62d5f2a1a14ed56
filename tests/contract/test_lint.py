"""openapi.yaml holds to Spectral's rules for OpenAPI: no error, no warning, no hint."""

from __future__ import annotations

from pathlib import Path

import pytest

import wsgi
from tests.contract.conftest import Node

OPENAPI = Path(wsgi.__file__).parent / "openapi.yaml"

# Node's tools must be fetched once, so a machine without a network leaves these out: -m "not contract".
pytestmark = pytest.mark.contract


def test_the_specification_lints_clean(tool: Node, tmp_path: Path) -> None:
    (tmp_path / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')

    done = tool("spectral", "lint", OPENAPI, "--ruleset", ".spectral.yaml", "--fail-severity", "hint")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_would_be_found(tool: Node, tmp_path: Path) -> None:
    (tmp_path / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    spoilt = tmp_path / "openapi.yaml"
    spoilt.write_text(OPENAPI.read_text(encoding="utf-8").replace("operationId: show_me\n", "", 1), encoding="utf-8")

    done = tool("spectral", "lint", spoilt, "--ruleset", ".spectral.yaml", "--fail-severity", "hint")

    assert done.returncode == 1 and "operation-operationId" in done.stdout
