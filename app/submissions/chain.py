"""The chain: every history row carries the hash of the row before it and a hash of its own.

A row's hash is over canonical JSON (RFC 8785) of its facts, the digest of what is personal in it, and the hash of the
row before; the first row has 32 zero bytes there. The hash is the suite's, SHA-256 or SM3, and its name is part of
what is hashed. Whoever changes, removes, swaps or moves a row breaks the chain at that very place.

What is personal comes in as a digest of digests: each field is hashed as `[salt, name, value]`, with a salt that is
derived from the submission's data key (decisions 0015 and 0024), in the manner of SD-JWT (RFC 9901 §4.2.1). So an
erasure may blank the fields and destroy the key, and resealing may write them anew, while the chain still holds; and
a holder can be shown some fields without the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.crypto import data_keys, suites
from app.crypto.envelopes import DataKey

START: Final = bytes(32)
"""What stands in the first row for the hash of the row before it."""

FACTS: Final = (
    "submission_id",
    "number",
    "at",
    "step",
    "from_state",
    "state",
    "actor_kind",
    "actor_role",
    "department_code",
    "terms",
    "visible",
)
PERSONAL: Final = ("actor_id", "actor_name", "items", "opinion", "principal_id")
LINK: Final = ("previous_hash", "personal_digest", "row_hash", "hash_algorithm")
"""Every column of `history` is one of these three."""

RECEIPT: Final = {
    "number": 1,
    "step": "receive",
    "from_state": "draft",
    "state": "received",
    "actor_kind": "resident",
    "actor_role": "applicant",
    "visible": True,
}
"""The facts that are the same in the first row of every submission."""

# In JSON without fractions, and with ASCII names only, this is RFC 8785 byte for byte; a test holds it to that.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def canonical(content: Any) -> bytes:
    """Canonical JSON in UTF-8, of texts, whole numbers, truths, null, and lists and objects of them."""
    return _encode(content).encode(errors="surrogatepass")


def instant(at: datetime) -> str:
    """An instant in UTC to the microsecond, which is what PostgreSQL keeps: `2026-11-22T08:00:00.000001Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def facts_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The facts of a row, as they are hashed. Raises TypeError for terms with fractions, which have no one form."""
    if any(isinstance(value, float) for value in row["terms"].values()):
        raise TypeError("terms are texts and whole numbers")
    found = {name: row[name] for name in FACTS}
    return found | {"submission_id": str(row["submission_id"]), "at": instant(row["at"])}


def personal_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What is personal in a row, in plain, as it is hashed; what a row lacks is null."""
    found = {name: row.get(name) for name in PERSONAL}
    for name in ("actor_id", "principal_id"):
        found[name] = None if found[name] is None else str(found[name])
    return found


def salt(key: DataKey, number: int, name: str) -> str:
    """The salt of one personal field of one row, in hex."""
    return key.salt(f"history {number} {name}")


def field_digest(algorithm: str, salted_with: str, name: str, value: Any) -> bytes:
    """The digest of one personal field. Raises SealVersionUnknown for an algorithm that is none."""
    return suites.hashing(algorithm).digest(canonical([salted_with, name, value]))


def field_digests(algorithm: str, key: DataKey, number: int, personal: Mapping[str, Any]) -> dict[str, str]:
    """The digests of a row's personal fields by name, in hex."""
    plain = personal_of(personal)
    return {name: field_digest(algorithm, salt(key, number, name), name, plain[name]).hex() for name in PERSONAL}


def personal_digest(algorithm: str, digests: Mapping[str, str]) -> bytes:
    """One digest of all the fields' digests."""
    return suites.hashing(algorithm).digest(canonical(digests))


def row_hash(algorithm: str, facts: Mapping[str, Any], digest: bytes, previous: bytes) -> bytes:
    """The hash of a row, from its facts as `facts_of` gives them."""
    hashed = {
        **facts,
        "hash_algorithm": algorithm,
        "personal_digest": digest.hex(),
        "previous_hash": previous.hex(),
    }
    return suites.hashing(algorithm).digest(canonical(hashed))


def link(key: DataKey, facts: Mapping[str, Any], personal: Mapping[str, Any], previous: bytes | None) -> dict[str, Any]:
    """The columns that tie a new row to the one before it, None meaning that it is the first."""
    algorithm = data_keys.suite().hash_name
    digest = personal_digest(algorithm, field_digests(algorithm, key, facts["number"], personal))
    return link_with(algorithm, facts, digest, previous)


def link_with(algorithm: str, facts: Mapping[str, Any], digest: bytes, previous: bytes | None) -> dict[str, Any]:
    """The same with a personal digest that is known already."""
    before = START if previous is None else bytes(previous)
    return {
        "previous_hash": before,
        "personal_digest": digest,
        "row_hash": row_hash(algorithm, facts_of(facts), digest, before),
        "hash_algorithm": algorithm,
    }
