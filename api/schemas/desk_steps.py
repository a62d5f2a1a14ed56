"""Shapes of handling: what may be done with a submission now, and doing it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.schemas.desk import StaffSubmissionSchema
from api.schemas.fields import Instant, WordsSchema, text
from api.schemas.issued_notices import IssuedNoticeSchema, NoticeItemSchema
from api.schemas.submissions import DueSchema
from app.submissions import steps
from app.submissions.steps import STEPS

_NEEDS = (steps.REASON, steps.KIND, steps.ITEMS, steps.UNTIL, steps.DAYS, steps.DOCUMENT)
_MOST_ITEMS = 100
_YEAR = 366


class StepKindSchema(WordsSchema):
    kind = fields.String(required=True, metadata={"example": "expert_review"})


class LegalStepSchema(Schema):
    """One step that may be taken now, and what must come with it."""

    step = fields.String(required=True, metadata={"example": "suspend"})
    text = fields.Nested(WordsSchema, required=True)
    to = fields.String(required=True, allow_none=True, metadata={"description": "Null: the state stays as it is."})
    to_text = fields.String(required=True, allow_none=True)
    needs = fields.List(fields.String(validate=validate.OneOf(_NEEDS)), required=True)
    kinds = fields.List(fields.Nested(StepKindSchema), required=True)
    notice = fields.String(required=True, allow_none=True, metadata={"description": "The kind of notice it makes."})


class HandledBySchema(Schema):
    number = fields.String(required=True, metadata={"example": "S0001"})
    name = fields.String(required=True)


class StaffActorSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(["resident", "staff", "office", "system"]))
    role = fields.String(required=True, metadata={"example": "clerk"})
    name = fields.String(required=True, allow_none=True, metadata={"description": "An official's, never a resident's."})
    number = fields.String(required=True, allow_none=True)


class HistoryRowSchema(Schema):
    """One step that was taken, as its handlers read it."""

    number = fields.Integer(required=True)
    at = Instant(required=True)
    step = fields.String(required=True)
    from_state = fields.String(required=True)
    state = fields.String(required=True)
    state_text = fields.String(required=True)
    text = fields.String(required=True)
    unit = fields.String(required=True)
    actor = fields.Nested(StaffActorSchema, required=True)
    opinion = fields.String(required=True, allow_none=True, metadata={"description": "Numbers and names are masked."})
    items = fields.List(fields.Nested(NoticeItemSchema), required=True)
    terms = fields.Dict(required=True, metadata={"description": "`kind`, `days`, `until`, `document` and the like."})
    visible = fields.Boolean(required=True, metadata={"description": "Whether the applicant sees it."})


class HandledSchema(Schema):
    """A submission as whoever handles it sees it: masked, with its whole history."""

    revision = fields.Integer(required=True)
    submission = fields.Nested(StaffSubmissionSchema, required=True)
    handler = fields.Nested(HandledBySchema, required=True, allow_none=True)
    steps = fields.List(fields.Nested(LegalStepSchema), required=True)
    history = fields.List(fields.Nested(HistoryRowSchema), required=True)
    notices = fields.List(fields.Nested(IssuedNoticeSchema), required=True)


class ItemWishSchema(Schema):
    pointer = text(
        2,
        300,
        required=True,
        metadata={"example": "/materials/photo", "description": "Of the service's guide: a field or a material."},
    )
    words = text(2, 500, required=True, metadata={"example": "照片过期，请上传近期照片"})


class StepWishSchema(Schema):
    """A step, with what it needs."""

    step = fields.String(required=True, validate=validate.OneOf(list(STEPS)), metadata={"example": "ask_correction"})
    reason = text(2, 2000, load_default=None, allow_none=True, metadata={"description": "The applicant reads it."})
    kind = text(1, 60, load_default=None, allow_none=True)
    items = fields.List(fields.Nested(ItemWishSchema), load_default=list, validate=validate.Length(max=_MOST_ITEMS))
    until = fields.Date(load_default=None, allow_none=True)
    days = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, _YEAR),
        metadata={"description": "Working days."},
    )
    document = text(
        1, 100, load_default=None, allow_none=True, metadata={"description": "The number of the paper it rests on."}
    )


class NoticeNumberSchema(Schema):
    id = fields.UUID(required=True)
    number = fields.String(required=True, metadata={"example": "示例公补正〔2026〕3号"})


class StepTakenSchema(Schema):
    """What stands after the step."""

    submission = fields.UUID(required=True)
    step = fields.String(required=True)
    number = fields.Integer(required=True, metadata={"description": "Of the row in the history."})
    state = fields.String(required=True)
    state_text = fields.String(required=True)
    revision = fields.Integer(required=True)
    due = fields.Nested(DueSchema, required=True, allow_none=True)
    notice = fields.Nested(NoticeNumberSchema, required=True, allow_none=True)
    steps = fields.List(fields.Nested(LegalStepSchema), required=True)
