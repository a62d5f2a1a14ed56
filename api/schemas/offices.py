"""The CloudEvents 1.0 envelope in which an office answers."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from api.schemas.fields import SHA256, text
from approvals.decisions import MEANINGS, OUTCOMES


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


class OutcomeSchema(Schema):
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(OUTCOMES),
        metadata={
            "description": "applied; already_applied (seen before); parked (came too early); ignored (too late)."
        },
    )
