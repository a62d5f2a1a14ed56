"""Shapes of notices, of what was shown of them, and of consents."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.fields import Instant, WordsSchema, text
from app.privacy.guardians import RELATIONS
from app.privacy.purposes import BASES, KINDS_OF_CONSENT

LARGEST_VERSION = 1_000_000


def version(**options: object) -> fields.Integer:
    """The number of a notice's version."""
    return fields.Integer(strict=True, validate=validate.Range(1, LARGEST_VERSION), **options)  # type: ignore[arg-type]


class ShownNoticeSchema(Schema):
    code = text(1, 150, required=True, metadata={"example": "service-residence-permit"})
    version = version(required=True, metadata={"example": 1})


class NoticeNameSchema(Schema):
    code = fields.String(required=True, metadata={"example": "service-residence-permit"})
    version = fields.Integer(required=True)
    sha256 = fields.String(required=True, metadata={"description": "Of everything that version says."})


class NoticeServiceSchema(Schema):
    code = fields.String(required=True, metadata={"example": "residence-permit"})
    version = fields.Integer(required=True)


class NoticeSummarySchema(NoticeNameSchema):
    title = fields.Nested(WordsSchema, required=True)
    service = fields.Nested(NoticeServiceSchema, required=True, allow_none=True)
    published_at = Instant(required=True)


class NoticePageSchema(Schema):
    items = fields.List(fields.Nested(NoticeSummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SectionSchema(Schema):
    code = fields.String(required=True, metadata={"example": "rights"})
    heading = fields.Nested(WordsSchema, required=True)
    text = fields.List(fields.Nested(WordsSchema), required=True, metadata={"description": "Paragraphs."})


class KindSchema(Schema):
    """One kind of data: a field of the form, a material, or what came from elsewhere."""

    code = fields.String(required=True, metadata={"example": "bank_card"})
    source = fields.String(required=True, metadata={"example": "form"})
    label = fields.Nested(WordsSchema, required=True)
    purpose = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "What just this is needed for, as `zh` and `en`."},
    )
    sensitive = fields.Boolean(required=True)


class RecipientSchema(Schema):
    code = fields.String(required=True, metadata={"example": "gongan"})
    name = fields.Nested(WordsSchema, required=True)
    contact = fields.Nested(WordsSchema)


class PurposeSchema(Schema):
    code = fields.String(required=True, metadata={"example": "handling"})
    name = fields.Nested(WordsSchema, required=True)
    basis = fields.String(
        required=True, validate=validate.OneOf(BASES), metadata={"description": "Legal basis, PIPL art. 13."}
    )
    required = fields.Boolean(
        required=True, metadata={"description": "Whether the service cannot be given without it (PIPL art. 16)."}
    )
    consents = fields.List(
        fields.String(validate=validate.OneOf(KINDS_OF_CONSENT)),
        required=True,
        metadata={"description": "Each is asked for, and given, by itself; none where the basis is not consent."},
    )
    method = fields.Nested(WordsSchema, required=True)
    kinds = fields.List(fields.Nested(KindSchema), required=True)
    recipients = fields.List(fields.Nested(RecipientSchema), required=True)
    after_withdrawal = fields.Nested(WordsSchema, required=True)


class NoticeSchema(NoticeSummarySchema):
    """One version of a notice, in Chinese and English side by side."""

    sections = fields.List(fields.Nested(SectionSchema), required=True)
    purposes = fields.List(fields.Nested(PurposeSchema), required=True)


class ChildSchema(Schema):
    """A child under 14 whom the caller is guardian of."""

    name = text(1, 50, required=True, metadata={"example": "李小雨"})
    document_number = text(18, 24, required=True, metadata={"example": "532399201805040044"})
    relation = fields.String(required=True, validate=validate.OneOf(RELATIONS), metadata={"example": "parent"})


class ConsentWishSchema(Schema):
    notice = text(1, 150, required=True, metadata={"example": "service-old-age-allowance"})
    version = version(required=True, metadata={"example": 1, "description": "The version that was shown."})
    purpose = text(1, 50, required=True, metadata={"example": "home-visits"})
    kind = fields.String(
        required=True,
        validate=validate.OneOf(KINDS_OF_CONSENT),
        metadata={"example": "sensitive", "description": "One at a time: consents are never bundled."},
    )
    child = fields.Nested(ChildSchema, load_default=None, allow_none=True)


class ConsentPurposeSchema(Schema):
    code = fields.String(required=True, metadata={"example": "home-visits"})
    name = fields.Nested(WordsSchema, required=True)
    required = fields.Boolean(required=True)


class MaskedChildSchema(Schema):
    name = fields.String(required=True, metadata={"example": "李**"})
    document_number = fields.String(required=True, metadata={"example": "532***********0044"})
    relation = fields.String(required=True)


class ConsentSchema(Schema):
    id = fields.UUID(required=True)
    notice = fields.Nested(NoticeNameSchema, required=True)
    purpose = fields.Nested(ConsentPurposeSchema, required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS_OF_CONSENT))
    state = fields.String(required=True, validate=validate.OneOf(["given", "withdrawn"]))
    given_at = Instant(required=True)
    withdrawn_at = Instant(required=True, allow_none=True)
    method = fields.String(required=True, metadata={"example": "screen"})
    device = fields.String(required=True)
    child = fields.Nested(MaskedChildSchema, required=True, allow_none=True)
    after_withdrawal = fields.Nested(
        WordsSchema, required=True, metadata={"description": "What happens, or happened, when it is withdrawn."}
    )


class ConsentPageSchema(Schema):
    items = fields.List(fields.Nested(ConsentSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AcknowledgementWishSchema(Schema):
    notices = fields.List(fields.Nested(ShownNoticeSchema), required=True, validate=validate.Length(1, 10))


class AcknowledgementSchema(Schema):
    id = fields.UUID(required=True)
    notice = fields.Nested(NoticeNameSchema, required=True)
    submission = fields.UUID(required=True, allow_none=True)
    at = Instant(required=True)
    method = fields.String(required=True, metadata={"example": "screen"})
    device = fields.String(required=True)


class AcknowledgedSchema(Schema):
    items = fields.List(fields.Nested(AcknowledgementSchema), required=True)


class AcknowledgementPageSchema(AcknowledgedSchema):
    next_cursor = fields.String(required=True, allow_none=True)
