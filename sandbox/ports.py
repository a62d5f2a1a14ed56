"""Which ports on 127.0.0.1 the parts of a stack take, and who else holds one."""

import contextlib
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from sandbox.objects import PORTS_NEEDED

DEFAULT_START = 8000
# Below the range from which kernels take the ports of outgoing connections, so that none is lost in between.
FREE_PORTS = range(20_000, 32_000)
BLOCK = 400


@dataclass(frozen=True)
class Ports:
    """Port of each part; the object store takes ten from `objects` on."""

    api: int = DEFAULT_START
    sandbox: int = DEFAULT_START + 100
    postgres: int = DEFAULT_START + 200
    objects: int = DEFAULT_START + 300

    @classmethod
    def starting_at(cls, start: int) -> "Ports":
        return cls(start, start + 100, start + 200, start + 300)

    @classmethod
    def of(cls, environment: Mapping[str, str], start: int = DEFAULT_START) -> "Ports":
        """Return the ports that the environment names (API_PORT and so on), else the usual ones."""
        usual = cls.starting_at(start)
        return cls(
            int(environment.get("API_PORT", usual.api)),
            int(environment.get("SANDBOX_PORT", usual.sandbox)),
            int(environment.get("PG_PORT", usual.postgres)),
            int(environment.get("S3_PORT", usual.objects)),
        )

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that nobody holds now, picked at random so that test runs side by side seldom meet."""
        while True:
            ports = cls.starting_at(random.randrange(FREE_PORTS.start, FREE_PORTS.stop - BLOCK))
            if all(is_free(port) for part in ("api", "sandbox", "postgres", "objects") for port in ports.of_part(part)):
                return ports

    def of_part(self, part: str) -> range:
        """Return every port that a part listens on; the worker listens on none."""
        if part == "worker":
            return range(0)
        first: int = getattr(self, part)
        return range(first, first + (PORTS_NEEDED if part == "objects" else 1))


def is_free(port: int) -> bool:
    """True when a server could listen on the port; connections that just ended there are no hindrance."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Name the program that listens on the port, as far as this user may see it."""
    with contextlib.suppress(psutil.Error, PermissionError):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"
