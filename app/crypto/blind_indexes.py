"""Blind indexes: finding a sealed value by exactly what somebody typed, without storing it in plain.

An index is a MAC under a secret key over the normalised text. A plain hash would not do: there are only about
10^11 ID numbers and 10^10 phones, which a stolen table of hashes gives up within hours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.crypto import normal_forms
from app.crypto.index_keys import IndexKeys

INDEX_SIZE = 1 + 32


@dataclass(frozen=True)
class Purpose:
    """What an index finds, and how a text is brought into its one form first. The name is part of the key."""

    name: str
    normalise: Callable[[str], str]


DOCUMENT_NUMBER = Purpose("document_number", normal_forms.document_number)
PHONE = Purpose("phone", normal_forms.phone)
FULL_NAME = Purpose("full_name", normal_forms.full_name)
# What a provider calls a person is compared as it is: two that differ in case may be two people.
SUBJECT = Purpose("subject", str)
OPENID = Purpose("openid", str)


class NothingToIndex(ValueError):
    """Nothing is left of the text when normalised: all such texts would find each other."""


def index(keys: IndexKeys, purpose: Purpose, text: str) -> bytes:
    """The index to store: one byte of key version, then the MAC of 32 bytes, with the current key.

    Raises NothingToIndex.
    """
    return _index(keys, purpose, text, keys.versions[0])


def candidates(keys: IndexKeys, purpose: Purpose, text: str) -> list[bytes]:
    """What to search for with `IN`: the index under every key, the current one first, while a new key spreads.

    Raises NothingToIndex.
    """
    return [_index(keys, purpose, text, version) for version in keys.versions]


def is_current(keys: IndexKeys, stored: bytes) -> bool:
    """Whether a stored index was made with the current key, or waits to be computed anew."""
    return stored[:1] == bytes((keys.versions[0],))


def _index(keys: IndexKeys, purpose: Purpose, text: str, version: int) -> bytes:
    form = purpose.normalise(text)
    if not form:
        raise NothingToIndex(f"nothing is left to index for {purpose.name}")
    mac = keys.suite(version).mac(keys.purpose_key(purpose.name, version), form.encode(errors="surrogatepass"))
    return bytes((version,)) + mac
