"""The time-stamping authority (时间戳服务): RFC 3161 over HTTP, as strict as a licensed one.

POST /tsa  application/timestamp-query → application/timestamp-reply. What the RFC forbids is refused with its own
reason (§2.4.2): an unknown hash, an imprint of the wrong length, a policy or an extension that is not ours, bytes that
are no request. It stamps with an ECDSA key whose certificate is for nothing else.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import cms, core, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Blueprint, Response, request

from sandbox import tsa_keys
from sandbox.settings import settings
from sandbox.switches import obeys

PART = "tsa"
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
POLICY = "2.25.301"
SIZES: Mapping[str, int] = {"sha256": 32, "sha384": 48, "sha512": 64}
LARGEST = 10_000  # bytes

blueprint = Blueprint("tsa", __name__)


class Rejection(core.Sequence):  # type: ignore[misc]
    """A TimeStampResp without a token, which asn1crypto's own type does not write."""

    _fields = [("status", tsp.PKIStatusInfo)]  # noqa: RUF012  asn1crypto's own class attribute


class Refused(Exception):
    """A request that gets no stamp; the text is the failure's name in RFC 3161 §2.4.2."""


@blueprint.post("/tsa")
@obeys(PART)
def stamp() -> Response:
    """The answer is 200 even to a request that is refused: the refusal is in the reply (§3.4)."""
    if request.mimetype != QUERY:
        return Response("415 Unsupported Media Type\n", 415, mimetype="text/plain")
    try:
        reply = granted(request.get_data(), datetime.now(UTC), Path(settings().tsa_file))
    except Refused as refused:
        status = {"status": "rejection", "fail_info": {str(refused)}, "status_string": [f"refused: {refused}"]}
        reply = Rejection({"status": status}).dump()
    return Response(reply, mimetype=REPLY)


def granted(query: bytes, at: datetime, keys_file: Path) -> bytes:
    """A reply with a token over what the query asks for. Raises Refused."""
    asked = checked(query)
    key, certificate = tsa_keys.load(keys_file)
    own = x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    info = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": asked["message_imprint"],
        "serial_number": secrets.randbits(63),
        "gen_time": at.replace(microsecond=0),
    }
    if asked["nonce"].native is not None:
        info["nonce"] = asked["nonce"].native
    content = tsp.TSTInfo(info)
    token = signed(content, own, key, bool(asked["cert_req"].native))
    return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())


def checked(query: bytes) -> Any:
    """The request, after everything that §2.4.1 asks of it. Raises Refused."""
    try:
        asked = tsp.TimeStampReq.load(query, strict=True)
        known = asked.native
    except (ValueError, TypeError, KeyError):
        raise Refused("bad_data_format") from None
    if len(query) > LARGEST or known["version"] != "v1":
        raise Refused("bad_request")
    algorithm, imprint = (
        known["message_imprint"]["hash_algorithm"]["algorithm"],
        known["message_imprint"]["hashed_message"],
    )
    if algorithm not in SIZES:
        raise Refused("bad_alg")
    if len(imprint) != SIZES[algorithm]:
        raise Refused("bad_data_format")
    if known["req_policy"] not in (None, POLICY):
        raise Refused("unaccepted_policy")
    if known["extensions"]:
        raise Refused("unaccepted_extensions")
    return asked


def signed(content: Any, own: Any, key: ec.EllipticCurvePrivateKey, with_certificate: bool) -> Any:
    """CMS (RFC 5652) around the content, with the certificate named by its hash (ESSCertIDv2, RFC 5816)."""
    inner = content.dump()
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(inner).digest()]}),
            cms.CMSAttribute(
                {
                    "type": "signing_certificate_v2",
                    "values": [
                        tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(own.dump()).digest()}]})
                    ],
                }
            ),
        ]
    )
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}}
        ),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
    }
    data = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(inner)},
        "signer_infos": [signer],
    }
    if with_certificate:
        data["certificates"] = [own]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})
