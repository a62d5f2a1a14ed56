"""Shapes of the desk: what staff ask and what they see, masked."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.schemas.fields import Instant, text
from api.schemas.submissions import EventSchema, SubmissionSummarySchema
from app.privacy import restrictions
from app.supervision.looks import REASON_KINDS

_SEARCHES = ("reference", "document_number", "phone", "name", "submission")
_PAGE = 50


def _reason_kind() -> fields.String:
    return fields.String(
        load_default="other",
        validate=validate.OneOf(list(REASON_KINDS)),
        metadata={"description": "What the applicant reads as the reason.", "example": "inquiry"},
    )


def _reason() -> fields.String:
    return text(2, 200, required=True, metadata={"example": "办事人来电询问进度"})


class LookupSchema(Schema):
    """Exactly one of `reference`, `document_number`, `phone`, `name` and `submission` (to open one of a list)."""

    reference = text(1, 40, metadata={"example": "261122-4839-1027-5663-63"})
    document_number = text(1, 60)
    phone = text(1, 40)
    name = text(1, 100, metadata={"description": "The full name."})
    submission = fields.UUID()
    reason_kind = _reason_kind()
    reason = _reason()
    limit = fields.Integer(load_default=20, strict=True, validate=validate.Range(1, _PAGE))
    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 200))
    legal_reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(list(restrictions.REASONS)),
        metadata={"description": "The reason of the law for which even a restricted submission is opened."},
    )

    @validates_schema
    def _one_search(self, wish: dict[str, Any], **options: Any) -> None:
        if sum(kind in wish for kind in _SEARCHES) != 1:
            raise ValidationError(f"Exactly one of {', '.join(_SEARCHES)}.", "reference")


def searched(wish: dict[str, Any]) -> tuple[str, str]:
    """Which search it is, and what was typed."""
    return next((kind, str(wish[kind])) for kind in _SEARCHES if kind in wish)


class MaskedApplicantSchema(Schema):
    """All null when the person's data was erased, or no login has proved a person yet."""

    name = fields.String(required=True, allow_none=True, metadata={"example": "李**"})
    document_type = fields.String(required=True, allow_none=True)
    document_number = fields.String(required=True, allow_none=True, metadata={"example": "532***********1234"})
    phone = fields.String(required=True, allow_none=True, metadata={"example": "138****5678"})


class MaskedAnswerSchema(Schema):
    field = fields.String(
        required=True, metadata={"example": "/answers/bank_card", "description": "Its name when unmasking."}
    )
    label = fields.String(required=True)
    value = fields.Raw(required=True, allow_none=True)


class MaskedAttachmentSchema(Schema):
    material = fields.String(required=True, metadata={"example": "photo"})
    label = fields.String(required=True)
    filename = fields.String(required=True, metadata={"example": "***.png"})
    content_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})


class StaffSubmissionSchema(SubmissionSummarySchema):
    """A submission as staff see it: masked, but for `plain_fields`."""

    turn = fields.Integer(required=True, allow_none=True)
    applicant = fields.Nested(MaskedApplicantSchema, required=True)
    answers = fields.List(fields.Nested(MaskedAnswerSchema), required=True)
    attachments = fields.List(fields.Nested(MaskedAttachmentSchema), required=True)
    events = fields.List(fields.Nested(EventSchema), required=True)
    plain_fields = fields.List(
        fields.String(), required=True, metadata={"description": "The fields that stand here unmasked."}
    )


class FoundSubmissionSchema(SubmissionSummarySchema):
    """One line of a list; open it by another look-up with its id as `submission`."""

    applicant = fields.Nested(MaskedApplicantSchema, required=True)


class RestrictedSchema(Schema):
    """The person closed the account; the law keeps the submission in storage and nothing else (PIPL art. 47)."""

    reference = fields.String(required=True)
    since = Instant(required=True)
    until = fields.Date(required=True, allow_none=True, metadata={"description": "Null: for ever."})
    retention = fields.String(required=True, metadata={"example": "10年"})
    law = fields.String(required=True)
    text = fields.String(required=True)
    reasons = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class LookSchema(Schema):
    id = fields.UUID(required=True, metadata={"description": "The record of this look."})
    outcome = fields.String(
        required=True, validate=validate.OneOf(["shown", "listed", "nothing", "too_many", "restricted"])
    )
    outcome_text = fields.String(required=True, metadata={"example": "请从列表中选择一件打开"})
    submission = fields.Nested(
        StaffSubmissionSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null when there is none that this role may see, or when there is a list."},
    )
    items = fields.List(
        fields.Nested(FoundSubmissionSchema),
        required=True,
        metadata={"description": "The submissions of who was found, the latest first."},
    )
    restricted = fields.Nested(
        RestrictedSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Why a submission that exists is not shown."},
    )
    next_cursor = fields.String(required=True, allow_none=True)


class UnmaskingWishSchema(Schema):
    fields_ = fields.List(
        text(1, 120),
        required=True,
        data_key="fields",
        attribute="fields",
        validate=validate.Length(1, 100),
        metadata={
            "description": "`/applicant/name`, `/applicant/document_number`, `/applicant/phone`, an answer's `field`, "
            "`/filenames`, `/opinions`; or `all`.",
            "example": ["/applicant/phone"],
        },
    )
    reason_kind = fields.String(
        required=True,
        validate=validate.OneOf(list(REASON_KINDS)),
        metadata={"description": "What the applicant reads as the reason.", "example": "handling"},
    )
    reason = _reason()


class UnmaskingSchema(Schema):
    """What may be seen in plain, and until when; read the submission to see it."""

    id = fields.UUID(required=True)
    submission = fields.UUID(required=True)
    fields_ = fields.List(fields.String(), required=True, data_key="fields", attribute="fields")
    reason_kind = fields.String(required=True)
    at = Instant(required=True)
    until = Instant(required=True)
