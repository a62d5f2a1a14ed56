"""Master keys as the settings name them: the ring of each keeper, several at once during a move, and its memory.

`MASTER_KEYS=file` is a key file, `kms` a key management service, `hsm` a hardware module. With `kms,file` the first
wraps from now on and all of them unwrap, so that moving from one keeper to another is an ordinary rotation.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
from botocore.config import Config

from app.crypto.failures import KeyNotInRing
from app.crypto.hsm import Pkcs11KeyRing, Token
from app.crypto.keyring import FileKeyRing, KeyRing, Wrapped
from app.crypto.kms import KmsKeyRing
from app.settings import Settings

_MOST_REMEMBERED = 10_000


def ring(chosen: Settings) -> KeyRing:
    """The ring of this installation. Raises KeyFileMissing, KeyFileUnsafe, SuiteUnavailable.

    A keeper that is a call away is first called when a key is needed.
    """
    whole = ring_of(chosen, chosen.master_keys)
    seconds = chosen.opened_key_life.total_seconds()
    return whole if chosen.master_keys == ("file",) or not seconds else Remembering(whole, seconds)


def ring_of(chosen: Settings, keepers: Sequence[str]) -> KeyRing:
    """The ring of these keepers, without a memory."""
    rings = [_RINGS[keeper](chosen) for keeper in keepers]
    return rings[0] if len(rings) == 1 else Rings(rings)


def file_ring(chosen: Settings) -> FileKeyRing:
    return FileKeyRing(Path(chosen.key_file))


def kms_ring(chosen: Settings) -> KmsKeyRing:
    # Without keys of its own boto3 finds those of the machine, such as a role's.
    client = boto3.client(
        "kms",
        endpoint_url=chosen.kms_endpoint_url,
        region_name=chosen.kms_region,
        aws_access_key_id=chosen.kms_access_key_id,
        aws_secret_access_key=chosen.kms_secret_access_key,
        config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}),
    )
    return KmsKeyRing(client, chosen.kms_key_ids, {"installation": chosen.kms_installation})


def hsm_ring(chosen: Settings) -> Pkcs11KeyRing:
    token = Token(chosen.hsm_library, chosen.hsm_token, chosen.hsm_pin)
    return Pkcs11KeyRing(token, chosen.hsm_key_labels)


_RINGS: dict[str, Callable[[Settings], KeyRing]] = {"file": file_ring, "kms": kms_ring, "hsm": hsm_ring}


class Rings:
    """Several keepers as one ring: the first wraps, and each unwraps what its own master keys wrapped."""

    def __init__(self, rings: Sequence[KeyRing]) -> None:
        self._rings = tuple(rings)

    @property
    def current_id(self) -> str:
        return self._rings[0].current_id

    def ids(self) -> Sequence[str]:
        return [key_id for one in self._rings for key_id in one.ids()]

    def wrap(self, data_key: bytes) -> Wrapped:
        return self._rings[0].wrap(data_key)

    def unwrap(self, wrapped: Wrapped) -> bytes:
        for one in self._rings:
            if wrapped.master_key_id in one.ids():
                return one.unwrap(wrapped)
        raise KeyNotInRing(f"no keeper has master key {wrapped.master_key_id!r}")


class Remembering:
    """A ring that remembers what it unwrapped for some seconds, because its keeper is a call away.

    A wrapping is found in the memory by all its bytes, so one that was altered is not. Whoever deleted an owner's
    row has erased the owner at once for every reader, since nothing asks for a wrapping that is stored nowhere; out
    of the memory of running processes it is gone after these seconds, and so is a master key that was disabled.
    """

    def __init__(self, ring: KeyRing, seconds: float, most: int = _MOST_REMEMBERED) -> None:
        self._ring, self._seconds, self._most = ring, seconds, most
        self._opened: OrderedDict[Wrapped, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def current_id(self) -> str:
        return self._ring.current_id

    def ids(self) -> Sequence[str]:
        return self._ring.ids()

    def wrap(self, data_key: bytes) -> Wrapped:
        wrapped = self._ring.wrap(data_key)
        self._remember(wrapped, data_key)
        return wrapped

    def unwrap(self, wrapped: Wrapped) -> bytes:
        with self._lock:
            self._forget_old()
            found = self._opened.get(wrapped)
        if found is not None:
            return found[1]
        data_key = self._ring.unwrap(wrapped)
        self._remember(wrapped, data_key)
        return data_key

    def _remember(self, wrapped: Wrapped, data_key: bytes) -> None:
        with self._lock:
            self._forget_old()
            self._opened.pop(wrapped, None)
            self._opened[wrapped] = (time.monotonic() + self._seconds, data_key)
            if len(self._opened) > self._most:
                self._opened.popitem(last=False)

    def _forget_old(self) -> None:
        """The oldest stand first, since all are remembered for the same time."""
        now = time.monotonic()
        while self._opened and next(iter(self._opened.values()))[0] <= now:
            self._opened.popitem(last=False)
