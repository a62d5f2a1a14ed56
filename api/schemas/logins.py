"""Shapes of logins and tokens."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Instant, text


class LoginStartSchema(Schema):
    provider = text(1, 50, required=True, metadata={"example": "sandbox"})
    redirect_uri = text(1, 500, required=True, metadata={"example": "http://127.0.0.1:8100/phone/callback"})
    level = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 4),
        metadata={"description": "The identity level needed, for a step-up."},
    )


class LoginSchema(Schema):
    id = fields.UUID(required=True)
    authorize_url = fields.URL(required=True, metadata={"description": "Send the person here."})
    expires_at = Instant(required=True)


class LoginAnswerSchema(Schema):
    """What the provider appended to the redirect address."""

    code = text(1, 2000, required=True)
    state = text(1, 200, required=True)
    iss = text(1, 500, load_default=None, allow_none=True)


class ProfileSchema(Schema):
    """Name and document are null while no login has proved a person: WeChat or a phone number alone do not."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, allow_none=True)
    document_type = fields.String(required=True, allow_none=True, metadata={"example": "111"})
    document_number = fields.String(required=True, allow_none=True, metadata={"example": "532***********1234"})
    phone = fields.String(required=True, allow_none=True, metadata={"example": "138****5678"})
    identity_level = fields.Integer(required=True, metadata={"example": 3})
    elder_mode = fields.Boolean(required=True, metadata={"description": "Logins last longer."})


class WechatBindSchema(Schema):
    code = text(1, 200, required=True, metadata={"description": "From wx.login; good once, for minutes."})
    accepted = fields.List(
        fields.String(validate=validate.OneOf(["progress"])),
        load_default=list,
        validate=validate.Length(max=3),
        metadata={"description": "What wx.requestSubscribeMessage just got accepted."},
    )
    notice_version = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "Version of the notice `wechat-push` that was shown beside it; the newest if unsaid."},
    )


class WechatBindingSchema(Schema):
    bound = fields.Boolean(required=True)
    credits = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
