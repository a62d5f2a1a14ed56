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
    submission = fields.UUID(required=True)
    reference = fields.String(required=True)
    channels = fields.List(fields.Nested(ChannelSchema), required=True)


class InboxPageSchema(Schema):
    items = fields.List(fields.Nested(NotificationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
