"""Making keys: for a new installation, for a rotation, and when master keys move to another keeper.

An operator does this with `onephone keys`, and nothing else ever makes a master or an index key: a service that does
not find its keys stops, because new ones open no old data.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from app import database
from app.crypto import data_keys, index_keys, key_file, master_keys, signing_keys
from app.crypto.failures import SealKeyMissing
from app.crypto.index_keys import WrappedIndexKey
from app.settings import settings


def make() -> str:
    """Make what is not there yet for the first keeper of `MASTER_KEYS`; what was done, in words.

    Raises SealKeyMissing when the database holds data sealed with keys that are not there: they are lost, and new
    ones would not help. Raises KeysAway, KeyFileUnsafe.
    """
    if settings().master_keys[0] == "file":
        return _make_file()
    if settings().master_keys[0] == "hsm":
        _make_in_hsm()
    return _make_index_keys()


def add() -> str:
    """A new master key that wraps from now on; its id, or for a KMS what to do there. Raises SealError."""
    keeper = settings().master_keys[0]
    if keeper == "file":
        return f"new master key {key_file.add_master_key(Path(settings().key_file), data_keys.suite())}"
    if keeper == "hsm":
        made = _make_in_hsm()
        return f"{'new' if made else 'there already:'} master key {settings().hsm_key_labels[0]}"
    return "make the key in your KMS, put its id first in KMS_KEY_IDS, and restart API and workers"


def add_signing_key() -> str:
    """A new key that signs from now on; its id. Raises SealError."""
    with database.work() as work:
        return signing_keys.add(work, data_keys.suite(), data_keys.ring())


def _make_file() -> str:
    """A key file; after a KMS or HSM it gets their index keys, so that every index stays as it is."""
    if Path(settings().key_file).exists():
        return "the key file is there already"
    with database.reading() as connection:
        stored = index_keys.stored(connection)
    before = settings().master_keys[1:]
    if stored and before:
        ring = master_keys.ring_of(settings(), before)
        secrets = index_keys.unwrapped(stored, ring).secrets
        key_file.create(Path(settings().key_file), data_keys.suite(), secrets)
        return "new key file, with the index keys that were in the database"
    _refuse_if_sealed(f"there is no key file at {settings().key_file}, but data sealed with its keys: give it back")
    key_file.create(Path(settings().key_file), data_keys.suite())
    return "new key file"


def _make_in_hsm() -> bool:
    """The current label's key in the token; False when it is there."""
    label, ring = settings().hsm_key_labels[0], master_keys.hsm_ring(settings())
    if ring.has_master_key(label):
        return False
    wrapped_by_it = data_keys.data_keys.c.master_key_id == label
    with database.reading() as connection:
        if connection.execute(select(data_keys.data_keys.c.key_id).where(wrapped_by_it).limit(1)).first():
            raise SealKeyMissing(f"the token has no key {label!r}, but it wraps data keys: give it back")
    ring.create_master_key(label)
    return True


def _make_index_keys() -> str:
    """Index keys in the database, wrapped by the current master key: those of the key file, or a new one."""
    with database.work() as work:
        stored = index_keys.stored(work.connection)
        if stored:
            index_keys.unwrapped(stored, data_keys.ring())
            return "the keys are there already"
        if "file" in settings().master_keys:
            kept = key_file.read(Path(settings().key_file)).index_keys
            for version, secret in kept.items():
                wrapped = data_keys.ring().wrap(secret.value)
                index_keys.store(work.connection, WrappedIndexKey(version, secret.suite, wrapped))
            return "the index keys of the key file are in the database now"
        _refuse_if_sealed(
            "the database holds sealed data, but no index keys: name the keeper before in MASTER_KEYS too"
        )
        index_keys.store(work.connection, index_keys.new_wrapped(1, data_keys.suite(), data_keys.ring()))
        return "new index key"


def _refuse_if_sealed(why: str) -> None:
    with database.reading() as connection:
        if connection.execute(select(data_keys.data_keys.c.owner_id).limit(1)).one_or_none() is not None:
            raise SealKeyMissing(why)
