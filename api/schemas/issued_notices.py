"""Shapes of numbered notices (通知书)."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.fields import Instant, WordsSchema


class NoticeItemSchema(Schema):
    pointer = fields.String(required=True, metadata={"example": "/materials/photo"})
    words = fields.String(required=True, metadata={"example": "请上传近期照片"})


class IssuedNoticeSchema(Schema):
    """What was told in writing. `content_sha256` is the SHA-256 of the canonical JSON (RFC 8785) of everything here but
    `id`, `issued_at` and `content_sha256` itself, with `content_salt` as the member `salt`."""

    id = fields.UUID(required=True)
    number = fields.String(required=True, metadata={"example": "示例公受理〔2026〕12号"})
    kind = fields.String(required=True, metadata={"example": "acceptance"})
    day = fields.String(required=True, metadata={"format": "date", "example": "2026-11-22"})
    issued_at = Instant(required=True)
    title = fields.Nested(WordsSchema, required=True)
    text = fields.Nested(WordsSchema, required=True)
    recipient = fields.String(required=True, allow_none=True, metadata={"description": "Masked for staff."})
    reference = fields.String(required=True, allow_none=True)
    service = fields.Nested(WordsSchema, required=True)
    department = fields.Nested(WordsSchema, required=True)
    reasons = fields.String(required=True, allow_none=True)
    reason_kind = fields.Nested(WordsSchema, required=True, allow_none=True)
    items = fields.List(fields.Nested(NoticeItemSchema), required=True)
    remedies = fields.Nested(
        WordsSchema,
        required=True,
        allow_none=True,
        metadata={"description": "What can be done against it, within which time, and where."},
    )
    content_sha256 = fields.String(required=True)
    content_salt = fields.String(
        required=True, allow_none=True, metadata={"description": "Null for staff, who do not see all that is hashed."}
    )


class IssuedNoticesSchema(Schema):
    """The latest first."""

    items = fields.List(fields.Nested(IssuedNoticeSchema), required=True)
