"""The CloudEvents 1.0 envelope in which an office answers."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from api.schemas.fields import SHA256, text
from approvals.decisions import MEANINGS, OUTCOMES

_NEED_REASON = frozenset({"cn.onephone.submission.declined", "cn.onephone.submission.refused"})


class OfficeResultSchema(Schema):
    filename = text(1, 200, required=True)
    content_type = fields.String(required=True, validate=validate.OneOf(["application/pdf"]))
    sha256 = fields.String(required=True, validate=SHA256)
    content = fields.String(required=True, metadata={"description": "The PDF in base64."})


class OfficeAnswerSchema(Schema):
    office_reference = text(1, 100, required=True)
    handler = text(1, 50, load_default=None, allow_none=True, metadata={"description": "Who decided, by name."})
    opinion = text(0, 2000, load_default=None, allow_none=True)
    reason = text(0, 2000, load_default=None, allow_none=True)
    sequence = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "Counts the office's messages about this submission; they may come in any order."},
    )
    result = fields.Nested(OfficeResultSchema, load_default=None, allow_none=True)


class OfficeEventSchema(Schema):
    class Meta:
        # CloudEvents allows extension attributes; we take none of them into account.
        unknown = EXCLUDE

    specversion = fields.String(required=True, validate=validate.OneOf(["1.0"]))
    id = text(1, 200, required=True, metadata={"description": "The same as the signed webhook-id."})
    source = text(1, 500, required=True)
    type = fields.String(required=True, validate=validate.OneOf(sorted(MEANINGS)))
    subject = text(1, 40, required=True, metadata={"description": "The submission's reference."})
    time = fields.AwareDateTime(required=True)
    data = fields.Nested(OfficeAnswerSchema, required=True)

    @validates_schema
    def check_reason(self, event: dict[str, Any], **options: Any) -> None:
        """行政许可法 第三十二条、第三十八条: who declines or refuses says why."""
        if event["type"] in _NEED_REASON and not (event["data"].get("reason") or "").strip():
            raise ValidationError({"data": {"reason": ["A refusal must say why."]}})


class OutcomeSchema(Schema):
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(OUTCOMES),
        metadata={
            "description": "applied; already_applied (seen before); parked (came too early); ignored (too late)."
        },
    )


class OfficeTokenRequestSchema(Schema):
    """RFC 6749 §4.4.2 with §2.3 or RFC 7523 §2.2; what is not known is ignored (§3.2)."""

    class Meta:
        unknown = EXCLUDE

    grant_type = text(1, 100, required=True, metadata={"example": "client_credentials"})
    client_id = text(1, 100)
    client_assertion_type = text(1, 200, metadata={"example": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"})
    client_assertion = text(1, 8000, metadata={"description": "A JWT signed with a key that is registered for it."})


class OfficeTokenSchema(Schema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, metadata={"example": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds.", "example": 900})
