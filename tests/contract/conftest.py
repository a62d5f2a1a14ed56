"""Node tools without a Node installation: Node comes from PyPI, the tools from the npm registry by lock file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import node

HERE = Path(__file__).parent

Node = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder in which the tools of package-lock.json are installed; kept until the lock changes."""
    return node.installed(HERE, "contract-tools")


@pytest.fixture
def tool(tools: Path, tmp_path: Path) -> Node:
    """tool("tsc", "--noEmit"): run one of the tools in this test's own folder, where it finds all the others."""
    (tmp_path / "node_modules").symlink_to(tools / "node_modules")

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return node.run(node.NODE, tools / "node_modules" / ".bin" / name, *arguments, cwd=tmp_path)

    return run
