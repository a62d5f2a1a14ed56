"""Shapes of logins and tokens."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Flag, Instant, text


class LoginStartSchema(Schema):
    provider = text(1, 50, required=True, metadata={"example": "sandbox"})
    redirect_uri = text(
        1,
        500,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Where the provider's page sends the person back to: one of those registered, exactly. "
            "Left out where the provider has no page.",
            "example": "http://127.0.0.1:8100/phone/callback",
        },
    )
    level = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 4),
        metadata={"description": "The identity level needed, for a step-up; a login that reaches less is refused."},
    )
    max_age = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(0, 86_400),
        metadata={"description": "How many seconds ago the person may have proved it; 0 asks for it now."},
    )
    plaintext = Flag(
        load_default=False,
        metadata={
            "description": "The person agreed separately that a provider which could do without tells us name and "
            "number (国家网络身份认证公共服务)."
        },
    )
    phone = text(
        1,
        20,
        load_default=None,
        allow_none=True,
        metadata={"description": "Where a one-time code goes.", "example": "19900000002"},
    )
    link = Flag(
        load_default=False,
        metadata={
            "description": "Add this login to the account whose access token is sent along; only the same session can "
            "finish it, and its own login must be fresh."
        },
    )
    voice = Flag(load_default=False, metadata={"description": "Have the one-time code read out by a call."})


class SdkSchema(Schema):
    """The parameters of the national network identity service's SDK, by its own names."""

    orgID = fields.String(required=True)
    appIDs = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "By platform.", "example": {"android": "0002", "ios": "0003"}},
    )
    bizSeq = fields.String(required=True, metadata={"description": "Good for this login alone."})
    type = fields.Integer(required=True, metadata={"description": "0: credential; 1: credential and password."})


class LoginSchema(Schema):
    """What the client goes on with; which of the last members there are follows from `protocol`."""

    id = fields.UUID(required=True)
    secret = fields.String(
        required=True,
        metadata={
            "description": "Proves at the end that the login is yours. Keep it where no page and no address shows it."
        },
    )
    protocol = fields.String(required=True, metadata={"example": "oidc"})
    expires_at = Instant(required=True)
    authorize_url = fields.URL(metadata={"description": "Send the person here."})
    sdk = fields.Nested(SdkSchema, metadata={"description": "What to call the provider's SDK with."})
    sent_to = fields.String(metadata={"description": "Where the one-time code went.", "example": "199****0002"})
    resend_after = fields.Integer(metadata={"description": "Seconds until another code can be sent.", "example": 60})


class LoginAnswerSchema(Schema):
    """The login's secret, and what the provider's protocol brings back."""

    secret = text(1, 200, required=True, metadata={"description": "As the start of this login gave it."})
    code = text(1, 2000, metadata={"description": "`oidc`: from the redirect; `wechat`: from wx.login; `phone`."})
    phone_code = text(1, 200, metadata={"description": "`wechat`: from the phone button, where it was tapped."})
    state = text(1, 200, metadata={"description": "`oidc` and `ticket`: from the redirect."})
    iss = text(1, 500, allow_none=True, metadata={"description": "`oidc`: from the redirect, where it says it."})
    ticket = text(1, 2000, metadata={"description": "`ticket`: the `ticketId` of the redirect."})
    biz_seq = text(1, 64, metadata={"description": "`network_id`: the `bizSeq` of this login."})
    id_card_auth_data = text(1, 20_000, metadata={"description": "`network_id`: from the SDK."})
    cert_pwd_data = text(1, 20_000, metadata={"description": "`network_id`: from the SDK, where `type` is 1."})


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
