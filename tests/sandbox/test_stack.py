"""What `make run` says when it can not start, what it keeps between starts, and that it keeps its parts alive."""

import json
import os
import socket
import stat
import time
from pathlib import Path

import pytest

from sandbox import configuration, given
from sandbox.console import Screen
from sandbox.given import GivenError
from sandbox.keeper import Keeper
from sandbox.ports import Ports, is_free
from sandbox.program import Program
from sandbox.stack import Stack, StackError


def test_a_second_stack_on_the_same_folder_is_told_who_runs(tmp_path: Path) -> None:
    first = Stack(tmp_path)
    first.take_lock()
    with pytest.raises(StackError, match=rf"already runs on .* \(process {os.getpid()}\)[^$]*kill {os.getpid()}"):
        Stack(tmp_path).take_lock()
    first.stop()
    third = Stack(tmp_path)
    third.take_lock()
    third.stop()


def test_a_taken_port_is_named_with_its_holder_and_a_way_out(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports.free())
    stack.lay_out()
    with socket.create_server(("127.0.0.1", stack.ports.sandbox)):
        assert not is_free(stack.ports.sandbox)
        with pytest.raises(StackError, match=rf"Port {stack.ports.sandbox} \(Sandbox[^$]*--ports-from"):
            stack.clear_the_way()
    stack.clear_the_way()
    stack.stop()


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = configuration.environment(tmp_path, Ports())
    moved = configuration.environment(tmp_path, Ports.starting_at(9000))
    for file in ("secrets.json", "token-keys.json"):
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600
    assert first["WECHAT_APP_SECRET"] == moved["WECHAT_APP_SECRET"]
    offices = [json.loads(environment["OFFICES"])["gongan"] for environment in (first, moved)]
    assert offices[0]["secrets"] == offices[1]["secrets"]
    assert offices[0]["url"] == "http://127.0.0.1:8100/office/gongan/events"
    assert offices[1]["url"] == "http://127.0.0.1:9100/office/gongan/events"


def test_both_ends_of_the_login_agree(tmp_path: Path) -> None:
    made = configuration.environment(tmp_path, Ports())
    clients = json.loads(made["SANDBOX_CLIENTS"])
    for variable in ("EID_PROVIDERS", "STAFF_PROVIDERS"):
        party = json.loads(made[variable])["sandbox"]
        client = clients[party["client_id"]]
        assert client == {"secret": party["client_secret"], "redirect_uris": party["redirect_uris"]}


def test_a_given_store_without_keys_is_refused_before_anything_starts(tmp_path: Path) -> None:
    stack = Stack(tmp_path, given=given.variables({"S3_ENDPOINT_URL": "http://127.0.0.1:1", "HOME": "/"}))
    with pytest.raises(GivenError, match="S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"):
        stack.lay_out()
    stack.stop()


def test_a_given_database_is_not_started_here(tmp_path: Path) -> None:
    stack = Stack(tmp_path, given=given.variables({"DATABASE_URL": "postgresql://elsewhere/db"}))
    stack.lay_out()
    assert "postgres" not in stack.parts
    assert stack.first_environment()["DATABASE_URL"] == "postgresql://elsewhere/db"
    stack.stop()


def test_a_killed_program_is_back_by_itself(tmp_path: Path) -> None:
    port = Ports.free().api
    words = ["http.server", str(port), "--bind", "127.0.0.1"]
    program = Program(words, os.environ, tmp_path / "log", tmp_path / "pid", health=(port, "/"))
    program.start()
    keeper = Keeper(Screen(quiet=True))
    keeper.keep("api", program)
    assert program.process is not None
    before = program.process.pid
    program.kill()
    deadline = time.monotonic() + 60
    while not (program.process.pid != before and program.answers()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    keeper.leave()
    keeper.wait()
    assert program.stop() is True
    assert is_free(port)
