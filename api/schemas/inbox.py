"""Shapes of the inbox."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.fields import Instant


class ChannelSchema(Schema):
    channel = fields.String(required=True, metadata={"example": "wechat"})
    state = fields.String(required=True, metadata={"description": "sending, accepted, refused, unknown or skipped."})


class NotificationSchema(Schema):
    id = fields.UUID(required=True)
    at = Instant(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    kind = fields.String(
        required=True,
        metadata={"example": "progress", "description": "`progress` of a submission, or what happened to the account."},
    )
    submission = fields.UUID(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    channels = fields.List(fields.Nested(ChannelSchema), required=True)


class InboxPageSchema(Schema):
    items = fields.List(fields.Nested(NotificationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
