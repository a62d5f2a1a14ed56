"""The embedded PostgreSQL keeps what was committed, through kill -9 of itself and of whoever started it."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox import processes
from sandbox.ports import Ports
from sandbox.postgres import Postgres, PostgresError

STARTED_BY_SOMEBODY_ELSE = """
import sys, time
from pathlib import Path
from sandbox.postgres import Postgres
server = Postgres(Path(sys.argv[1]), int(sys.argv[2]), fast=True)
server.start()
print(server.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres", Ports.free().postgres, fast=True)
    server.start()
    yield server
    server.stop()


def remember(server: Postgres, word: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def words(server: Postgres) -> list[str]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words ORDER BY word")]


def test_committed_rows_survive_a_kill_with_clients_connected(server: Postgres) -> None:
    remember(server, "committed")
    clients = [psycopg.connect(server.url) for _ in range(10)]
    clients[0].execute("INSERT INTO words VALUES ('never committed')")
    server.kill()
    assert not server.running() and not server.ready()
    server.start()
    assert words(server) == ["committed"]
    for client in clients:
        client.close()


def test_a_second_start_uses_the_same_files_and_password(server: Postgres) -> None:
    remember(server, "kept")
    before = server.url
    assert server.stop() is True
    server.start()
    assert server.url == before
    assert words(server) == ["kept"]


def test_a_server_whose_parent_was_killed_is_ended_first(tmp_path: Path) -> None:
    port = Ports.free().postgres
    command = [sys.executable, "-c", STARTED_BY_SOMEBODY_ELSE, str(tmp_path / "postgres"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.kill()
    assert processes.lives(orphan)
    server = Postgres(tmp_path / "postgres", port, fast=True)
    server.start()
    try:
        assert not processes.lives(orphan)
        assert server.process_id() != orphan and server.ready()
    finally:
        server.stop()


def test_a_stale_pid_that_now_belongs_to_somebody_else_is_no_hindrance(server: Postgres) -> None:
    remember(server, "kept")
    pid_file = server.files / "postmaster.pid"
    server.kill()
    lines = pid_file.read_text().splitlines()
    # Our own process stands for the stranger who got the id: it must be left alone.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not server.ready()
    server.start()
    assert words(server) == ["kept"]


def test_a_file_that_says_ready_is_not_believed_when_it_is_another_process(server: Postgres) -> None:
    assert server.ready()
    pid_file = server.files / "postmaster.pid"
    text = pid_file.read_text()
    pid_file.write_text(text.replace(str(server.process_id()), "1", 1))
    assert not server.ready()
    pid_file.write_text(text)


def test_only_who_has_the_password_gets_in(server: Postgres) -> None:
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=server.port, user="onephone", password="guess", dbname="postgres")


def test_the_password_is_on_no_command_line(server: Postgres) -> None:
    pid = server.process_id()
    assert pid is not None
    assert server.password_file.read_text() not in " ".join(processes.command_line(pid))


def test_its_settings_are_those_of_a_test(server: Postgres) -> None:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)",
            [["fsync", "max_connections", "shared_buffers", "password_encryption", "TimeZone"]],
        )
        settings: dict[str, str] = dict(rows.fetchall())
    assert settings == {
        "fsync": "off",
        "max_connections": "200",
        "shared_buffers": str(128 * 1024 * 1024 // 8192),
        "password_encryption": "scram-sha-256",
        "TimeZone": "UTC",
    }


def test_a_taken_port_is_told_with_the_servers_own_words(server: Postgres, tmp_path: Path) -> None:
    second = Postgres(tmp_path / "second", server.port, fast=True)
    with pytest.raises(PostgresError, match="Address already in use"):
        second.start()


def test_files_of_another_version_are_refused_in_words(server: Postgres) -> None:
    server.stop()
    version = server.files / "PG_VERSION"
    before = version.read_text()
    version.write_text("12\n")
    with pytest.raises(PostgresError, match="made by PostgreSQL 12"):
        server.start()
    version.write_text(before)


def test_a_half_made_folder_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "files.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = Postgres(tmp_path / "postgres", Ports.free().postgres, fast=True)
    server.start()
    assert server.ready() and not half.exists()
    server.stop()


def test_ctrl_c_in_the_terminal_does_not_reach_it(server: Postgres) -> None:
    pid = server.process_id()
    assert pid is not None
    assert os.getsid(pid) == pid != os.getsid(0)
