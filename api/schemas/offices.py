"""The CloudEvents 1.0 envelope in which an office answers."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from api.schemas.fields import SHA256, text
from approvals.decisions import MEANINGS, OUTCOMES, lacking, surplus


class OfficeResultSchema(Schema):
    filename = text(1, 200, required=True)
    content_type = fields.String(required=True, validate=validate.OneOf(["application/pdf"]))
    sha256 = fields.String(required=True, validate=SHA256)
    content = fields.String(required=True, metadata={"description": "The PDF in base64."})


class ToCorrectSchema(Schema):
    pointer = text(1, 200, required=True, metadata={"example": "/materials/photo"})
    words = text(1, 500, required=True, metadata={"example": "照片模糊，请重新上传"})


class OfficeAnswerSchema(Schema):
    office_reference = text(1, 100, required=True)
    handler = text(1, 50, load_default=None, allow_none=True, metadata={"description": "Who decided, by name."})
    opinion = text(0, 2000, load_default=None, allow_none=True)
    reason = text(0, 2000, load_default=None, allow_none=True)
    sequence = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={
            "description": "Counts the office's messages about this submission from 1; they may come in any order."
        },
    )
    result = fields.Nested(OfficeResultSchema, load_default=None, allow_none=True)
    kind = text(
        1,
        40,
        load_default=None,
        allow_none=True,
        metadata={"description": "Of a special procedure, a termination or a delivery: see the guide."},
    )
    items = fields.List(
        fields.Nested(ToCorrectSchema),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Everything that must be corrected, told at once."},
    )
    until = fields.Date(load_default=None, allow_none=True, metadata={"description": "The last day to correct it."})
    days = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 1000),
        metadata={"description": "Working days that a special procedure takes, or that a limit is extended by."},
    )
    document = text(
        1,
        100,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The number of the paper it rests on: of a joint procedure's extension, the government's."
        },
    )


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
    def check_terms(self, event: dict[str, Any], **options: Any) -> None:
        """行政许可法 第三十二、三十八、四十二、四十五条: who says no says why; who asks for more says what."""
        said = event["data"]
        missing = set(lacking(event["type"], {**said, "opinion": None}))
        if missing:
            raise ValidationError({"data": {name: ["This message must say it."] for name in sorted(missing)}})
        if more := surplus(event["type"], said):
            raise ValidationError({"data": {name: ["This message does not say it."] for name in sorted(more)}})


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
