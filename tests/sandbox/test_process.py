"""The process itself: starts fast, is quiet, stops cleanly, and loses nothing when killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests

from sandbox.ports import Ports
from sandbox.settings import Settings, read_settings
from tests.sandbox.fake_onephone import FakeOnePhone
from tests.sandbox.office_mail import signed, submission

REPOSITORY = Path(__file__).parents[2]


class Process:
    def __init__(self, chosen: Settings, onephone_url: str, log: Path) -> None:
        self.log = log
        # No port of those that the kernel gives to outgoing connections: the process is started on it twice.
        self.port = Ports.free().sandbox
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_DB": chosen.database,
            "SANDBOX_KEYS_FILE": chosen.keys_file,
            "SANDBOX_CLIENTS": json.dumps(chosen.clients),
            "OFFICES": json.dumps(chosen.offices),
            "DATA_SOURCES": json.dumps(chosen.data_sources),
            "WECHAT_APP_ID": chosen.wechat_app_id,
            "WECHAT_APP_SECRET": chosen.wechat_app_secret,
            "WECHAT_PROGRESS_TEMPLATE": chosen.wechat_template,
            "ONEPHONE_URL": onephone_url,
        }
        self.start()

    def start(self) -> float:
        """Seconds until it answers."""
        begun = monotonic()
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "sandbox"]
            self.child = subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, stderr=log)
        while True:
            assert self.child.poll() is None and monotonic() - begun < 60, self.log.read_text()
            try:
                assert requests.get(self.url + "/health", timeout=30).status_code == 200
                return monotonic() - begun
            except requests.ConnectionError:
                sleep(0.02)

    def end(self, how: signal.Signals) -> int:
        self.child.send_signal(how)
        return self.child.wait(40)


@pytest.fixture
def process(chosen: Settings, onephone: FakeOnePhone, tmp_path: Path) -> Iterator[Process]:
    made = Process(chosen, onephone.url, tmp_path / "log")
    yield made
    if made.child.poll() is None:
        made.end(signal.SIGKILL)


def hand_over(process: Process, reference: str) -> None:
    post = signed(submission(reference))
    headers = post["headers"] | {"Content-Type": post["content_type"]}
    url = f"{process.url}/office/gongan/events"
    assert requests.post(url, post["data"], headers=headers, timeout=30).status_code == 202


def test_killed_and_started_again_it_owes_its_answers(process: Process, onephone: FakeOnePhone) -> None:
    onephone.statuses = [503] * 1000  # OnePhone is away.
    hand_over(process, "R1")
    refused = onephone.wait_for(1)
    process.end(signal.SIGKILL)
    onephone.statuses.clear()
    before = len(onephone.events)
    process.start()
    answers = onephone.wait_for(before + 2)[before:]
    assert answers[0] == refused[0]  # The same event, byte for byte, from the second life of the process.
    assert [answer["type"].rsplit(".", 1)[1] for answer in answers] == ["accepted", "approved"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(process: Process, how: signal.Signals) -> None:
    begun = monotonic()
    assert process.end(how) == 0
    assert monotonic() - begun < 15
    assert "Traceback" not in process.log.read_text()


def test_log_has_no_secrets_and_one_line_per_request(process: Process) -> None:
    requests.get(f"{process.url}/wechat/sns/jscode2session?appid=a&secret=hush&js_code=c", timeout=30)
    hand_over(process, "R1")
    process.end(signal.SIGTERM)
    lines = [line for line in process.log.read_text().splitlines() if "/health" not in line]
    assert lines == [
        f"sandbox ready on {process.url}",
        "GET /wechat/sns/jscode2session 200",
        "POST /office/gongan/events 202",
    ]


def test_says_what_is_missing() -> None:
    with pytest.raises(SystemExit, match="SANDBOX_KEYS_FILE, SANDBOX_CLIENTS"):
        read_settings({"SANDBOX_DB": "x"})
