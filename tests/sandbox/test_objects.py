"""The embedded S3 keeps every object it answered for, and lets nobody in without keys."""

import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox import objects, processes
from sandbox.objects import Objects
from sandbox.ports import Ports, is_free

pytestmark = pytest.mark.xdist_group("objects")
STARTED_BY_SOMEBODY_ELSE = """
import sys, time
from pathlib import Path
from sandbox.objects import Objects
store = Objects(Path(sys.argv[1]), int(sys.argv[2]), "files")
store.start()
store.client().put_object(Bucket="files", Key="kept", Body=b"k" * 1000)
print(store.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    store = Objects(tmp_path_factory.mktemp("objects"), Ports.free().objects, "files")
    store.start()
    yield store
    store.kill()


@pytest.fixture
def client(store: Objects) -> Any:
    return store.client()


def body(client: Any, key: str) -> bytes:
    return bytes(client.get_object(Bucket="files", Key=key)["Body"].read())


def test_objects_survive_a_kill(store: Objects, client: Any) -> None:
    for number in range(20):
        client.put_object(Bucket="files", Key=f"killed/{number}", Body=f"{number}".encode() * 5000)
    store.kill()
    assert not store.running()
    store.start()
    assert [body(client, f"killed/{number}") for number in range(20)] == [
        f"{number}".encode() * 5000 for number in range(20)
    ]


def test_a_store_whose_parent_was_killed_is_ended_first_even_on_other_ports(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTED_BY_SOMEBODY_ELSE, str(tmp_path), str(Ports.free().objects)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.kill()
    assert processes.lives(orphan)
    store = Objects(tmp_path, Ports.free().objects, "files")
    store.start()
    try:
        assert not processes.lives(orphan)
        assert body(store.client(), "kept") == b"k" * 1000
    finally:
        store.kill()


def test_what_rests_in_the_folder_is_encrypted_and_survives_a_kill(store: Objects, client: Any) -> None:
    marker = b"written-to-be-looked-for-in-the-folder" * 100
    client.put_object(Bucket="files", Key="encrypted", Body=marker)
    client.copy_object(Bucket="files", Key="copied", CopySource={"Bucket": "files", "Key": "encrypted"})
    form = client.generate_presigned_post("files", "posted")
    sent = requests.post(form["url"], data=form["fields"], files={"file": ("file", marker)}, timeout=60)
    assert sent.status_code in (200, 201, 204)

    store.kill()
    assert subprocess.run(["grep", "-rqaF", marker[:38].decode(), str(store.data)]).returncode == 1
    store.start()

    assert {body(store.client(), key) for key in ("encrypted", "copied", "posted")} == {marker}
    key = store.data.with_name(f"{store.data.name}.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_only_who_has_the_keys_gets_in(store: Objects, client: Any) -> None:
    client.put_object(Bucket="files", Key="secret", Body=b"secret")
    assert stat.S_IMODE((store.data / "s3.json").stat().st_mode) == 0o600
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{store.url}/files/secret")
    refused.value.close()
    assert refused.value.code == 403
    wrong = objects.client(store.url, objects.REGION, "onephone", "guess")
    with pytest.raises(ClientError) as denied:
        wrong.get_object(Bucket="files", Key="secret")
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(("port", "path"), [(1, "/dir/assign"), (1, "/dir/status"), (3, "/"), (3, "/buckets/")])
def test_its_inner_servers_give_nothing_over_http(store: Objects, port: int, path: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{store.port + port}{path}")
    refused.value.close()
    assert refused.value.code == 404


def test_every_port_it_opens_is_one_of_its_ten(store: Objects) -> None:
    pid = store.process_id()
    assert pid is not None
    opened = processes.listening_ports(pid)
    assert opened <= set(range(store.port, store.port + objects.PORTS_NEEDED))
    assert store.port in opened and not is_free(store.port)


def test_a_page_elsewhere_may_send_files_but_only_signed(store: Objects, client: Any) -> None:
    request = urllib.request.Request(
        f"{store.url}/files",
        method="OPTIONS",
        headers={"Origin": "https://phone.example", "Access-Control-Request-Method": "POST"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://phone.example")
    form = client.generate_presigned_post("files", "form", Conditions=[["content-length-range", 1, 10]])
    assert form["fields"]["policy"]


def test_the_bucket_is_made_once_and_kept(store: Objects, client: Any) -> None:
    client.put_object(Bucket="files", Key="there", Body=b"there")
    objects.ensure_bucket(client, "files")
    assert body(client, "there") == b"there"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client.put_object(Bucket="never-made", Key="k", Body=b"")


def test_it_reports_to_nobody(store: Objects) -> None:
    assert "-master.telemetry=false" in store.command()
    assert store.keys()[1] not in " ".join(store.command())
