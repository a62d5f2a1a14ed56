"""A key ring in a hardware security module, by PKCS#11 (OASIS PKCS #11 v3.0) and AES key wrap (RFC 3394).

The master keys are made in the module and cannot leave it. The package python-pkcs11 is optional.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import Any, TypeVar

from app.crypto.failures import KeyNotInRing, KeysAway, SealBroken, SealKeyMissing, SuiteUnavailable
from app.crypto.keyring import Wrapped

pkcs11: ModuleType | None = None
with suppress(ImportError):
    pkcs11 = import_module("pkcs11")

T = TypeVar("T")


@dataclass(frozen=True)
class Token:
    """Where the module's library lies, which of its tokens holds the keys, and the user's PIN."""

    library: str
    label: str
    pin: str = field(repr=False)


class Pkcs11KeyRing:
    """Master keys by their labels in one token, the current one first.

    One session, used by one thread at a time, opened at the first use and again after the module dropped it.
    """

    def __init__(self, token: Token, labels: Sequence[str]) -> None:
        if not labels:
            raise ValueError("a PKCS#11 ring needs at least one key label")
        self._p11 = _library()
        self._token, self._labels = token, tuple(labels)
        self._session: Any = None
        self._masters: dict[str, Any] = {}
        self._pin_refused = False
        self._lock = RLock()

    @property
    def current_id(self) -> str:
        return self._labels[0]

    def ids(self) -> Sequence[str]:
        return self._labels

    def wrap(self, data_key: bytes) -> Wrapped:
        return Wrapped(self.current_id, self._asking(lambda: self._wrap(data_key)))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        if wrapped.master_key_id not in self._labels:
            raise KeyNotInRing(f"HSM key {wrapped.master_key_id!r} is not in the ring")
        return self._asking(lambda: self._unwrap(wrapped))

    def has_master_key(self, label: str) -> bool:
        """Whether the token holds this key. Raises KeysAway, SealKeyMissing when it refuses the PIN."""
        p11 = self._p11

        def look() -> bool:
            wanted = {p11.Attribute.CLASS: p11.ObjectClass.SECRET_KEY, p11.Attribute.LABEL: label}
            return next(iter(self._open().get_objects(wanted)), None) is not None

        return self._asking(look)

    def create_master_key(self, label: str) -> None:
        """Make an AES-256 key in the token that can wrap and unwrap there, and never be read.

        For an operator's command: what the module says against it is raised as it is.
        """
        p11 = self._p11
        with self._lock:
            self._open().generate_key(
                p11.KeyType.AES,
                256,
                label=label,
                store=True,
                capabilities=p11.MechanismFlag.WRAP | p11.MechanismFlag.UNWRAP,
                template={p11.Attribute.SENSITIVE: True, p11.Attribute.EXTRACTABLE: False},
            )

    def close(self) -> None:
        """End the session; the next use opens another."""
        with self._lock:
            if self._session is not None:
                with suppress(self._p11.PKCS11Error):
                    self._session.close()
            self._session = None
            self._masters.clear()

    def _wrap(self, data_key: bytes) -> bytes:
        p11 = self._p11
        template = self._readable() | {
            p11.Attribute.CLASS: p11.ObjectClass.SECRET_KEY,
            p11.Attribute.KEY_TYPE: p11.KeyType.GENERIC_SECRET,
            p11.Attribute.VALUE: data_key,
        }
        master = self._master(self.current_id)
        held = self._open().create_object(template)
        try:
            return bytes(master.wrap_key(held, mechanism=p11.Mechanism.AES_KEY_WRAP))
        finally:
            held.destroy()

    def _unwrap(self, wrapped: Wrapped) -> bytes:
        p11 = self._p11
        master = self._master(wrapped.master_key_id)
        kind = (p11.ObjectClass.SECRET_KEY, p11.KeyType.GENERIC_SECRET)
        try:
            held = master.unwrap_key(
                *kind, wrapped.blob, mechanism=p11.Mechanism.AES_KEY_WRAP, template=self._readable()
            )
        except _errors(p11, "WrappedKeyInvalid", "WrappedKeyLenRange", "EncryptedDataInvalid", "GeneralError"):
            # SoftHSM says "general error" where the check value of RFC 3394 §2.2.3 does not fit.
            raise SealBroken(f"a data key does not open with HSM key {wrapped.master_key_id!r}") from None
        try:
            return bytes(held[p11.Attribute.VALUE])
        finally:
            held.destroy()

    def _readable(self) -> dict[Any, Any]:
        """A data key is an object of this session only, and may be read: it seals here, not in the module."""
        of = self._p11.Attribute
        return {of.TOKEN: False, of.SENSITIVE: False, of.EXTRACTABLE: True}

    def _master(self, label: str) -> Any:
        if label not in self._masters:
            p11 = self._p11
            try:
                self._masters[label] = self._open().get_key(p11.ObjectClass.SECRET_KEY, p11.KeyType.AES, label)
            except _errors(p11, "NoSuchKey", "MultipleObjectsReturned"):
                raise SealKeyMissing(f"the token has not exactly one key labelled {label!r}") from None
        return self._masters[label]

    def _open(self) -> Any:
        if self._session is None:
            token = self._p11.lib(self._token.library).get_token(token_label=self._token.label)
            self._session = self._logged_in(token)
        return self._session

    def _logged_in(self, token: Any) -> Any:
        if self._pin_refused:
            raise SealKeyMissing("the token refused the PIN, and trying it again would lock the token")
        try:
            return token.open(rw=True, user_pin=self._token.pin)
        except self._p11.UserAlreadyLoggedIn:
            # A log-in counts for the whole process, and another ring has made it.
            return token.open(rw=True)
        except _errors(self._p11, "PinIncorrect", "PinInvalid", "PinLenRange", "PinExpired", "PinLocked"):
            self._pin_refused = True
            raise SealKeyMissing("the token refuses the PIN") from None

    def _asking(self, work: Callable[[], T]) -> T:
        """Do the work, once more in a new session if the module dropped the old one; raises KeysAway."""
        with self._lock:
            for last in (False, True):
                try:
                    return work()
                except self._p11.PKCS11Error as error:
                    self.close()
                    if last:
                        raise KeysAway(f"the HSM does not serve: {type(error).__name__}") from None
        raise AssertionError("unreachable")


def _errors(p11: ModuleType, *names: str) -> tuple[type[Exception], ...]:
    return tuple(getattr(p11, name) for name in names)


def _library() -> ModuleType:
    if pkcs11 is None:
        raise SuiteUnavailable("an HSM needs the package python-pkcs11: pip install 'onephone[hsm]'")
    return pkcs11
