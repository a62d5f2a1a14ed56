"""Passkeys of staff: WebAuthn (W3C Web Authentication Level 2) by py_webauthn.

The browser signs our challenge together with the address it saw, so a passkey cannot be phished. The challenge is ours,
random, bound to one login, and used by the first answer, whatever comes of it.
"""

from __future__ import annotations

import json
import secrets
import struct
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from cryptography.exceptions import InvalidKey, InvalidSignature, UnsupportedAlgorithm
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, LargeBinary, Table, delete, select, update
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.dialects.postgresql import insert
from webauthn.helpers import base64url_to_bytes, options_to_json, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from app import clock
from app.database import Work, metadata
from app.settings import settings

staff_passkeys = Table(
    "staff_passkeys",
    metadata,
    Column("credential_id", LargeBinary, primary_key=True),
    Column("staff_id", Uuid(as_uuid=True), ForeignKey("staff.id"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("enrolled_at", DateTime(timezone=True), nullable=False),
    Index(None, "staff_id"),
)

_CHALLENGE_BYTES = 32
_LONGEST_ID_BYTES = 1023
# What the library and those below it raise at an answer that was made to hurt: CBOR, COSE keys, ASN.1, JSON.
_UNSOUND = (
    WebAuthnException,
    InvalidKey,
    InvalidSignature,
    UnsupportedAlgorithm,
    struct.error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    EOFError,
)


class PasskeyUnsound(Exception):
    """The answer of the authenticator does not hold; the text says why, for the log alone."""


def new_challenge() -> bytes:
    return secrets.token_bytes(_CHALLENGE_BYTES)


def options_to_enrol(work: Work, account: Any, challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.create` takes as `publicKey`; a key that is known already is not made twice."""
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name="OnePhone",
        user_id=account.id.bytes,
        user_name=account.staff_number,
        challenge=challenge,
        exclude_credentials=_described(work, account.id),
    )
    return dict(json.loads(options_to_json(options)))


def options_to_log_in(work: Work, staff_id: UUID, challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.get` takes as `publicKey`."""
    described = _described(work, staff_id)
    options = webauthn.generate_authentication_options(rp_id=_rp_id(), challenge=challenge, allow_credentials=described)
    return dict(json.loads(options_to_json(options)))


def enrol(work: Work, staff_id: UUID, challenge: bytes, answer: dict[str, Any]) -> None:
    """Take the new key as a second factor (§7.1). Raises PasskeyUnsound."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=list(settings().passkey_origins),
        )
    except _UNSOUND as error:
        raise PasskeyUnsound(type(error).__name__) from None
    # §4, Credential ID; an index of PostgreSQL takes no endless one either.
    if len(made.credential_id) > _LONGEST_ID_BYTES:
        raise PasskeyUnsound("id_too_long")
    values = {"credential_id": made.credential_id, "staff_id": staff_id, "public_key": made.credential_public_key}
    statement = insert(staff_passkeys).values(**values, sign_count=made.sign_count, enrolled_at=clock.now())
    # §7.1 step 26: a key that somebody has already is nobody else's.
    fresh = statement.on_conflict_do_nothing().returning(staff_passkeys.c.staff_id)
    if work.run(fresh).one_or_none() is None:
        raise PasskeyUnsound("known_already")


def use(work: Work, staff_id: UUID, challenge: bytes, answer: dict[str, Any]) -> None:
    """Check an assertion (§7.2) by a key of this very person. Raises PasskeyUnsound."""
    key = _key_of(work, staff_id, answer)
    try:
        credential = parse_authentication_credential_json(answer)
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=list(settings().passkey_origins),
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
        )
    except _UNSOUND as error:
        raise PasskeyUnsound(type(error).__name__) from None
    # §7.2 step 6, which the library leaves to us: whom the key was made for, where it says so.
    if (credential.response.user_handle or staff_id.bytes) != staff_id.bytes:
        raise PasskeyUnsound("handle_of_another")
    mine = staff_passkeys.c.credential_id == key.credential_id
    work.run(update(staff_passkeys).where(mine).values(sign_count=shown.new_sign_count))


def _key_of(work: Work, staff_id: UUID, answer: dict[str, Any]) -> Any:
    try:
        credential_id = base64url_to_bytes(str(answer["rawId"]))
    except _UNSOUND:
        raise PasskeyUnsound("no_id") from None
    mine = (staff_passkeys.c.credential_id == credential_id) & (staff_passkeys.c.staff_id == staff_id)
    # Locked, so that the same counter is not accepted twice at once.
    key = work.run(select(staff_passkeys).where(mine).with_for_update()).one_or_none()
    if key is None:
        raise PasskeyUnsound("not_theirs")
    return key


def has_any(work: Work, staff_id: UUID) -> bool:
    return bool(_ids(work, staff_id))


def forget(work: Work, staff_id: UUID) -> None:
    work.run(delete(staff_passkeys).where(staff_passkeys.c.staff_id == staff_id))


def _ids(work: Work, staff_id: UUID) -> list[bytes]:
    mine = select(staff_passkeys.c.credential_id).where(staff_passkeys.c.staff_id == staff_id)
    return [bytes(one) for one in work.run(mine.order_by(staff_passkeys.c.enrolled_at)).scalars()]


def _described(work: Work, staff_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in _ids(work, staff_id)]


def _rp_id() -> str:
    """The domain that keys are made for: the host of the first of the desk's addresses."""
    return urlsplit(settings().passkey_origins[0]).hostname or ""
