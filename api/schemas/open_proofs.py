"""Shapes of tree heads and proofs."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.paging import PageQuery
from api.schemas.fields import Instant

_HASHES = validate.OneOf(["sha256", "sm3"])
_DAY = "2026-11-21"


def digest(words: str) -> fields.String:
    """A hash of 32 bytes."""
    return fields.String(required=True, metadata={"description": words, "example": "5f" * 32})


class Base64(fields.String):
    """Bytes, written in base64 (RFC 4648 §4)."""

    def __init__(self, words: str) -> None:
        super().__init__(required=True, metadata={"description": words, "contentEncoding": "base64"})


class HeadQuery(PageQuery):
    pass


class SigningKeySchema(Schema):
    id = fields.String(required=True, metadata={"example": "2026-11-22-0f9c1a2b3c4d5e6f"})
    algorithm = fields.String(required=True, validate=validate.OneOf(["Ed25519", "SM2"]))
    public_key = Base64("Raw: 32 bytes of Ed25519, or x and y of an SM2 key")


class HeadSignatureSchema(Schema):
    value = Base64(
        "Over the bytes of `signed`: Ed25519 (RFC 8032), or SM2 with SM3 as DER (signer id 1234567812345678)"
    )
    key = fields.Nested(SigningKeySchema, required=True)


class TimeStampSchema(Schema):
    token = Base64("The answer of the authority in DER (TimeStampResp, RFC 3161), over the bytes of `signed`")
    at = Instant(required=True, metadata={"description": "The instant it vouches for"})


class TreeHeadSchema(Schema):
    day = fields.Date(required=True, metadata={"description": "A day in China", "example": _DAY})
    tree_size = fields.Integer(required=True, metadata={"description": "How many submissions moved", "example": 4711})
    root = digest("Root of the Merkle tree (RFC 9162 §2.1.1) over the hash of each one's last history row")
    previous_hash = digest("`head_hash` of the day before; zeros on the first day")
    head_hash = digest("Hash of `signed`")
    hash_algorithm = fields.String(required=True, validate=_HASHES)
    signed = fields.String(required=True, metadata={"description": "What is signed and stamped: canonical JSON, UTF-8"})
    signature = fields.Nested(HeadSignatureSchema, required=True)
    time_stamp = fields.Nested(
        TimeStampSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null while the authority has not stamped it"},
    )
    made_at = Instant(required=True)


class TreeHeadPageSchema(Schema):
    items = fields.List(fields.Nested(TreeHeadSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class FactsSchema(Schema):
    """What is hashed of a row in plain: texts, whole numbers and truths, exactly as they stand here."""

    submission_id = fields.String(required=True)
    number = fields.Integer(required=True)
    at = fields.String(required=True, metadata={"example": "2026-11-22T08:00:00.000001Z"})
    step = fields.String(required=True)
    from_state = fields.String(required=True)
    state = fields.String(required=True)
    actor_kind = fields.String(required=True)
    actor_role = fields.String(required=True)
    department_code = fields.String(required=True)
    terms = fields.Dict(required=True, metadata={"description": "The first row's tell `content_sha256` of the receipt"})
    visible = fields.Boolean(required=True)


class ProofRowSchema(Schema):
    """A row; an internal step of the department's has only the first three."""

    number = fields.Integer(required=True)
    previous_hash = digest("`row_hash` of the row before; zeros in the first")
    row_hash = digest("Hash of canonical JSON of `facts` with the three members below and above beside them")
    hash_algorithm = fields.String(validate=_HASHES)
    personal_digest = fields.String(
        metadata={"description": "Hash of canonical JSON of the digests of the personal fields by name"}
    )
    facts = fields.Nested(FactsSchema)
    personal = fields.Dict(
        metadata={
            "description": "By name either `salt` and `value`, whose digest is the hash of canonical JSON of "
            "[salt, name, value], or a `digest` where it is not yours to read"
        }
    )


class TreeProofSchema(Schema):
    day = fields.String(required=True, metadata={"example": _DAY})
    tree_size = fields.Integer(required=True)
    root = digest("The root that the path leads to; compare it with the published one")
    hash_algorithm = fields.String(required=True, validate=_HASHES)
    row = fields.Integer(required=True, metadata={"description": "The row whose hash is the leaf"})
    leaf_index = fields.Integer(required=True)
    path = fields.List(fields.String(), required=True, metadata={"description": "Inclusion proof (RFC 9162 §2.1.3.1)"})
    head = fields.String(required=True, metadata={"example": f"/v1/open/tree-heads/{_DAY}"})


class ProofSchema(Schema):
    format = fields.String(required=True, metadata={"example": "onephone proof 1"})
    submission = fields.String(required=True)
    reference = fields.String(required=True)
    rows = fields.List(fields.Nested(ProofRowSchema), required=True)
    tree = fields.Nested(
        TreeProofSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null until the day is over on which it was filed"},
    )
    published_rows = fields.Integer(required=True, metadata={"description": "So many of the rows the tree vouches for"})
