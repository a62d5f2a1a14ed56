"""Key rotations: another key signs, and nobody notices; what the old one signed dies when it is dropped."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import clock
from app.settings import settings
from auth import key_rotations, token_keys
from auth.key_rotations import KeysNotWritable
from auth.token_keys import KeyFile
from tests.auth.conftest import Login

LogIn = Callable[..., Login]

SPREAD = timedelta(minutes=7)
LIFETIME = timedelta(minutes=17)


@pytest.fixture
def key_file(product: Flask) -> Iterator[Path]:
    """The file of the running product, put back afterwards."""
    path = Path(settings().token_keys_file)
    before = path.read_bytes()
    yield path
    path.write_bytes(before)
    wait_for_every_process()


@pytest.fixture
def own_file(tmp_path: Path, product: Flask) -> Path:
    """A copy of it that nobody reads."""
    path = tmp_path / "keys.json"
    path.write_bytes(Path(settings().token_keys_file).read_bytes())
    path.chmod(0o640)
    return path


def wait_for_every_process() -> None:
    """As if the second had passed after which a process looks at the file again; one story really waits for it."""
    token_keys._file._looked_at = float("-inf")
    token_keys.current()


def ids(path: Path) -> list[str]:
    return [entry["kid"] for entry in json.loads(path.read_text())["keys"]]


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def all_call(phones: list[Login]) -> set[int]:
    """Every phone calls at once; the statuses of the answers."""
    with ThreadPoolExecutor(8) as pool:
        return {answer.status_code for answer in pool.map(lambda phone: phone.get("/v1/me"), phones)}


def test_fifty_sessions_stay_alive_through_a_whole_rotation(key_file: Path, log_in: LogIn, client: FlaskClient) -> None:
    phones = [log_in() for _ in range(50)]
    old_tokens, [old] = [phone.tokens["access_token"] for phone in phones], ids(key_file)
    assert all_call(phones) == {200}

    published = key_rotations.advance(key_file)
    wait_for_every_process()
    assert (published.name, ids(key_file)) == ("published", [old, published.key])
    assert {key["kid"] for key in client.get("/.well-known/jwks.json").json["keys"]} == {old, published.key}
    assert all_call(phones) == {200}
    assert key_of(phones[0].renew()["access_token"]) == old, "it is known, and does not sign yet"

    with clock.moved(SPREAD):
        signing = key_rotations.advance(key_file)
        wait_for_every_process()
        assert (signing.name, ids(key_file)) == ("signing", [published.key, old])
        assert all_call(phones) == {200}, "tokens of the old key still hold"
        # Within a quarter of an hour every client refreshes, half of them just now.
        for phone in phones:
            phone.renew()
        assert {key_of(phone.tokens["access_token"]) for phone in phones} == {published.key}
        assert all_call(phones) == {200}

    with clock.moved(SPREAD + LIFETIME):
        dropped = key_rotations.advance(key_file)
    wait_for_every_process()
    assert (dropped.name, dropped.key, ids(key_file)) == ("dropped", old, [published.key])
    assert all_call(phones) == {200}
    for phone, token in zip(phones, old_tokens, strict=True):
        phone.tokens["access_token"] = token
    assert all_call(phones) == {401}, "what the old key signed is refused, although it was seen as valid before"


def test_no_step_is_taken_before_its_time(own_file: Path) -> None:
    key_rotations.advance(own_file)
    before = own_file.read_bytes()

    assert key_rotations.advance(own_file).name == "waiting"
    assert own_file.read_bytes() == before
    with clock.moved(SPREAD):
        key_rotations.advance(own_file)
        signing = own_file.read_bytes()
        assert key_rotations.advance(own_file).name == "waiting"
        assert own_file.read_bytes() == signing


def test_the_next_step_is_told(own_file: Path) -> None:
    step = key_rotations.advance(own_file)

    assert step.next_at is not None
    assert timedelta(minutes=5) < step.next_at - clock.now() <= SPREAD


def test_a_young_key_is_left_alone(own_file: Path) -> None:
    rotate_whole(own_file)

    assert key_rotations.advance(own_file, timedelta(days=90)).name == "nothing"
    with clock.moved(timedelta(days=91)):
        assert key_rotations.advance(own_file, timedelta(days=90)).name == "published"


def rotate_whole(path: Path) -> None:
    for later in (timedelta(0), SPREAD, SPREAD + LIFETIME):
        with clock.moved(later):
            key_rotations.advance(path)


def test_a_key_that_an_operator_put_there_by_hand_is_waited_for_too(own_file: Path) -> None:
    entries = json.loads(own_file.read_text())["keys"]
    own_file.write_text(json.dumps({"keys": [*entries, key_rotations._new_entry()]}))

    assert key_rotations.advance(own_file).name == "published"
    assert key_rotations.advance(own_file).name == "waiting"
    with clock.moved(SPREAD):
        assert key_rotations.advance(own_file).name == "signing"


def test_a_stolen_key_is_worth_nothing_within_a_second_or_two(key_file: Path, log_in: LogIn) -> None:
    phones = [log_in() for _ in range(5)]
    assert all_call(phones) == {200}

    key_rotations.replace_at_once(key_file)
    wait_for_every_process()

    assert all_call(phones) == {401}
    for phone in phones:
        phone.renew()
    assert all_call(phones) == {200}, "the refresh token is no signed one, so nobody logs in again"


def test_the_file_keeps_its_rights_and_leaves_nothing_beside_it(own_file: Path) -> None:
    rotate_whole(own_file)

    assert stat.S_IMODE(own_file.stat().st_mode) == 0o640
    assert [path.name for path in own_file.parent.iterdir()] == ["keys.json"]


def test_a_rotation_that_dies_while_writing_leaves_the_old_file(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own_file.read_bytes()

    def no_space(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", no_space)
        with pytest.raises(KeysNotWritable):
            key_rotations.advance(own_file)

    assert own_file.read_bytes() == before
    assert [path.name for path in own_file.parent.iterdir()] == ["keys.json"]
    assert key_rotations.advance(own_file).name == "published"


def test_two_operators_at_once_begin_one_rotation(own_file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        steps = sorted(step.name for step in pool.map(lambda _: key_rotations.advance(own_file), range(4)))

    assert steps == ["published", "waiting", "waiting", "waiting"]
    assert len(ids(own_file)) == 2


def test_a_process_notices_a_new_key_by_itself_within_about_a_second(key_file: Path) -> None:
    process = KeyFile()
    before = process.current().number

    step = key_rotations.advance(key_file)

    deadline = time.monotonic() + 3
    while process.current().number == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert step.key in process.current().by_id


def test_the_command_says_what_it_did(own_file: Path, settings_environment: dict[str, str]) -> None:
    environment = {**settings_environment, "TOKEN_KEYS_FILE": str(own_file)}
    command = [sys.executable, "-m", "onephone", "rotate-token-keys"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.startswith(f"published: {ids(own_file)[1]}; next step from ")
    assert json.loads(own_file.read_text())["keys"][1]["d"] not in done.stdout + done.stderr
    own_file.write_text("{}")
    broken = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert broken.returncode == 1 and "Traceback" not in broken.stderr


# ——— The file, as every process reads it. ———


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "EC"}]}', '{"keys": [7]}'])
def test_a_file_that_breaks_under_a_running_process_changes_nothing(
    key_file: Path, log_in: LogIn, log: list[str], content: str
) -> None:
    mine, good = log_in(), key_file.read_text()
    key_file.write_text(content)
    wait_for_every_process()

    assert mine.get("/v1/me").status_code == 200
    assert any("token_keys_unusable" in line for line in log)

    key_file.write_text(good)
    wait_for_every_process()
    assert mine.get("/v1/me").status_code == 200


def test_a_process_does_not_start_with_a_file_that_holds_no_keys(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_file.write_text('{"keys": []}')
    monkeypatch.setattr(token_keys, "settings", lambda: _Settings(str(own_file)))

    with pytest.raises(ValueError, match=r"keys\.json"):
        KeyFile().current()


class _Settings:
    def __init__(self, path: str) -> None:
        self.token_keys_file = path


@pytest.mark.parametrize("spoil", ["no private part", "one id twice", "no id"])
def test_a_set_that_would_do_harm_is_refused(own_file: Path, spoil: str) -> None:
    [entry] = json.loads(own_file.read_text())["keys"]
    other = key_rotations._new_entry()
    if spoil == "one id twice":
        other["kid"] = entry["kid"]
    else:
        del other["d" if spoil == "no private part" else "kid"]
    own_file.write_text(json.dumps({"keys": [entry, other]}))

    with pytest.raises(ValueError, match=r"keys\.json"):
        token_keys.read(own_file)


def test_only_public_members_leave_the_house(own_file: Path) -> None:
    key_rotations.advance(own_file)

    for key in token_keys.read(own_file).public["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_the_published_keys_may_be_kept_for_five_minutes(client: FlaskClient) -> None:
    response = client.get("/.well-known/jwks.json")

    assert response.headers["Cache-Control"] == "public, max-age=300"
    again = client.get("/.well-known/jwks.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
