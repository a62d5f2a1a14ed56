"""Shapes of the rights of the person: copies, corrections and erasures."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from api.schemas.desk import MaskedApplicantSchema
from api.schemas.fields import Flag, Instant, text
from app.privacy import corrections


class CopySchema(Schema):
    """One copy of everything about me, and how far its making is: `done` of `total` members."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["building", "ready"]))
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)
    size = fields.Integer(required=True, allow_none=True, metadata={"description": "Bytes, once it is ready."})
    created_at = Instant(required=True)
    expires_at = Instant(required=True, metadata={"description": "After this it is removed."})


class CopyPageSchema(Schema):
    items = fields.List(fields.Nested(CopySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class CorrectionWishSchema(Schema):
    field = fields.String(
        required=True,
        validate=validate.OneOf(corrections.FIELDS),
        metadata={
            "example": "phone",
            "description": "`name` and `document_number` are refused: a fresh login mends what the e-ID vouches for.",
        },
    )
    new_value = text(1, 500, required=True, metadata={"example": "13812345678"})
    words = text(0, 1000, load_default="", metadata={"description": "Anything that helps to verify it."})
    submission = fields.UUID(load_default=None, allow_none=True, metadata={"description": "For an `answer`: of which."})
    answer_name = text(1, 100, load_default=None, allow_none=True, metadata={"example": "address_detail"})
    evidence = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=5),
        metadata={"description": "Clean uploads of mine that prove it."},
    )


def _state(**more: Any) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(corrections.STATES), **more)


class CorrectionSchema(Schema):
    id = fields.UUID(required=True)
    field = fields.String(required=True, validate=validate.OneOf(corrections.FIELDS))
    state = _state(metadata={"description": "`by_login`: a login brought the new value, nobody had to ask."})
    new_value = fields.String(required=True)
    old_value = fields.Raw(required=True, allow_none=True, metadata={"description": "What stood there before."})
    words = fields.String(required=True, allow_none=True)
    answer = fields.String(required=True, allow_none=True, metadata={"description": "The reasons of staff."})
    remedies = fields.String(required=True, allow_none=True, metadata={"description": "With a refusal (PIPL art. 50)."})
    created_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)


class CorrectionPageSchema(Schema):
    items = fields.List(fields.Nested(CorrectionSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class MaskedCorrectionSchema(Schema):
    """What staff see of a correction before they say why they must see more."""

    id = fields.UUID(required=True)
    field = fields.String(required=True, validate=validate.OneOf(corrections.FIELDS))
    state = _state()
    created_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)
    applicant = fields.Nested(MaskedApplicantSchema, required=True)
    new_value = fields.String(required=True, metadata={"example": "138****5678"})
    evidence = fields.Integer(required=True, metadata={"description": "How many files prove it."})


class MaskedCorrectionPageSchema(Schema):
    items = fields.List(fields.Nested(MaskedCorrectionSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class RevealSchema(Schema):
    reason = text(2, 200, required=True, metadata={"example": "核对更正申请"})


class FullApplicantSchema(Schema):
    """Name and document are null while no login has proved a person."""

    name = fields.String(required=True, allow_none=True)
    document_type = fields.String(required=True, allow_none=True)
    document_number = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)


class FullCorrectionSchema(Schema):
    """A correction in full: the look is on record."""

    id = fields.UUID(required=True)
    field = fields.String(required=True, validate=validate.OneOf(corrections.FIELDS))
    state = _state()
    created_at = Instant(required=True)
    decided_at = Instant(required=True, allow_none=True)
    applicant = fields.Nested(FullApplicantSchema, required=True)
    new_value = fields.String(required=True)
    words = fields.String(required=True, allow_none=True)
    submission = fields.UUID(required=True, allow_none=True)
    answer_name = fields.String(required=True, allow_none=True)
    evidence = fields.List(fields.UUID(), required=True)


class CorrectionDecisionSchema(Schema):
    granted = Flag(required=True)
    reason = text(2, 1000, required=True, metadata={"description": "Given to the resident, whatever is decided."})


class CountedSchema(Schema):
    title = fields.String(required=True, metadata={"example": "通知"})
    count = fields.Integer(required=True)
    why = fields.String(required=True)


class KeptSchema(Schema):
    reference = fields.String(required=True)
    service = fields.String(required=True)
    retention = fields.String(required=True, metadata={"example": "10年"})
    until = fields.Date(required=True, allow_none=True, metadata={"description": "Null: for ever."})
    law = fields.String(required=True)


class WaitingForSchema(Schema):
    reference = fields.String(required=True)
    why = fields.String(required=True)


class ErasurePreviewSchema(Schema):
    """What closing the account would do, before it is done."""

    possible = fields.Boolean(required=True, metadata={"description": "False while a filed submission has not ended."})
    erased_at_once = fields.List(fields.Nested(CountedSchema), required=True)
    kept_restricted = fields.List(fields.Nested(KeptSchema), required=True)
    waiting_for = fields.List(fields.Nested(WaitingForSchema), required=True)
    stops = fields.List(fields.String(), required=True)


class ErasureSchema(Schema):
    """What was erased, without a word about whom."""

    id = fields.UUID(required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(["confirmed", "restricted", "done"]),
        metadata={"description": "`restricted`: all is erased but what the law keeps; `done`: nothing is left."},
    )
    drafts = fields.Integer(required=True)
    kept = fields.Integer(required=True, metadata={"description": "Finished submissions that the law keeps."})
    kept_until = fields.Date(
        required=True, allow_none=True, metadata={"description": "The last of them; null: for ever, or none."}
    )
    destroyed_keys = fields.Integer(required=True)
    confirmed_at = Instant(required=True)
    finished_at = Instant(required=True, allow_none=True)
