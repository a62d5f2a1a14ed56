"""Shapes of submissions, their uploads, signature, progress and result."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from api.schemas.fields import SHA256, Answers, Flag, Instant, text
from api.schemas.notices import ShownNoticeSchema
from app.documents import uploads

_SALT = "Secret part of the hashed content, so that nobody guesses the answers from the hash: keep it with the receipt."


def shown_notices() -> fields.List[Any]:
    """Which notices a client says it showed."""
    return fields.List(
        fields.Nested(ShownNoticeSchema),
        load_default=list,
        validate=validate.Length(max=10),
        metadata={"description": "The notices that the person was shown before filing; they are recorded with it."},
    )


class SubmissionStartSchema(Schema):
    """Either `service` or `copy_of`. What was copied can not be filed unread, so `submit` goes with `service` only."""

    service = text(1, 100, metadata={"example": "residence-permit"})
    copy_of = fields.UUID(
        metadata={"description": "A submission of one's own, whose answers and reusable files the draft starts with."}
    )
    answers = Answers(load_default=dict, metadata={"example": {}})
    submit = Flag(
        load_default=False,
        metadata={"description": "File at once; only for services without materials and signature."},
    )
    notices = shown_notices()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_origin(self, wish: dict[str, Any], sent: Any, **_: Any) -> None:
        if not isinstance(sent, dict):
            return  # That is told by itself.
        if "service" not in wish and "copy_of" not in wish:
            raise ValidationError("Missing data for required field.", "service")
        if "copy_of" in wish and ("service" in wish or wish.get("submit")):
            raise ValidationError("Not together with service or submit.", "copy_of")


class SubmitSchema(Schema):
    """The body of a filing, which may be left out."""

    notices = shown_notices()


class AnswersPatchSchema(Schema):
    """A JSON Merge Patch (RFC 7396); null takes an answer away."""

    answers = Answers(required=True, metadata={"example": {"contact_phone": "13812345678"}})


class ServiceNameSchema(Schema):
    code = fields.String(required=True, metadata={"example": "residence-permit"})
    version = fields.Integer(required=True)
    name = fields.String(required=True)


class DueSchema(Schema):
    acceptance = fields.Date(required=True)
    decision = fields.Date(required=True)
    noon = fields.Boolean(
        required=True, metadata={"description": "The decision is due by noon of its day: the limit is in half days."}
    )
    provisional = fields.Boolean(
        required=True,
        metadata={
            "description": "A date may still move: the count runs into days whose holidays are not published yet, or "
            "stands still for as long as a correction or a special procedure takes."
        },
    )


class SubmissionSummarySchema(Schema):
    id = fields.UUID(required=True)
    reference = fields.String(required=True, allow_none=True, metadata={"example": "261122-4839-1027-5663-63"})
    state = fields.String(required=True, metadata={"example": "received"})
    state_text = fields.String(required=True)
    service = fields.Nested(ServiceNameSchema, required=True)
    created_at = Instant(required=True)
    received_at = Instant(required=True, allow_none=True)
    due = fields.Nested(DueSchema, required=True, allow_none=True)
    expires_at = Instant(
        required=True, allow_none=True, metadata={"description": "When a draft is erased that nobody goes on with."}
    )
    expiring = fields.Boolean(
        required=True, metadata={"description": "It is a draft that expires within a week: warn its owner."}
    )


class SubmissionPageSchema(Schema):
    items = fields.List(fields.Nested(SubmissionSummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class UploadSchema(Schema):
    id = fields.UUID(required=True)
    material = fields.String(required=True, metadata={"example": "photo"})
    filename = fields.String(required=True)
    content_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    sha256 = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["slot", "received", "clean", "refused"]))
    refusal = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "size_mismatch, checksum_mismatch, type_mismatch or source_gone."},
    )


class SubmissionSchema(SubmissionSummarySchema):
    """A submission with its answers and, while it is a draft, what it still lacks."""

    revision = fields.Integer(required=True)
    answers = fields.Dict(required=True)
    uploads = fields.List(fields.Nested(UploadSchema), required=True)
    missing = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)
    newer_version = fields.Integer(
        required=True, allow_none=True, metadata={"description": "A newer version of the service to move the draft to."}
    )
    dropped = fields.List(
        fields.String(),
        metadata={
            "description": "After a copy or an upgrade: JSON Pointers of what did not fit any more.",
            "example": ["/answers/hukou_address"],
        },
    )


class ReceiptSchema(Schema):
    """Proof of filing: when it was stored, its place in the queue, when an answer is due, and the content's hash."""

    id = fields.UUID(required=True)
    reference = fields.String(required=True, metadata={"example": "261122-4839-1027-5663-63"})
    state = fields.String(required=True, metadata={"example": "received"})
    turn = fields.Integer(required=True, metadata={"description": "Place in the queue of this service."})
    received_at = Instant(required=True)
    due = fields.Nested(DueSchema, required=True)
    content_sha256 = fields.String(required=True)
    content_salt = fields.String(required=True, metadata={"description": _SALT})


class StartedSchema(Schema):
    """A draft, or, when it was filed at once, its receipt: the members that both have."""

    class Meta:
        unknown = INCLUDE

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["draft", "received"]))
    reference = fields.String(required=True, allow_none=True)


class UploadWishSchema(Schema):
    material = text(1, 50, required=True, metadata={"example": "photo"})
    filename = text(1, 200, required=True, metadata={"example": "照片.jpg"})
    content_type = text(1, 100, required=True, metadata={"example": "image/jpeg"})
    size = fields.Integer(required=True, strict=True, validate=validate.Range(1, uploads.LARGEST))
    sha256 = fields.String(required=True, validate=SHA256, metadata={"description": "Of the bytes, in hex."})


class PostFormSchema(Schema):
    url = fields.String(required=True)
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, data_key="fields", attribute="fields"
    )


class SlotSchema(Schema):
    """A multipart form to post to the store: all `fields`, then the bytes as `file`."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    post = fields.Nested(PostFormSchema, required=True)
    expires_at = Instant(required=True)


class SignSchema(Schema):
    upload = fields.UUID(required=True, metadata={"description": "A clean upload of the material `signature`."})


class SignatureSchema(Schema):
    method = fields.String(required=True, metadata={"example": "drawn"})
    content_sha256 = fields.String(required=True, metadata={"description": "What exactly was signed."})
    content_salt = fields.String(required=True, metadata={"description": _SALT})
    image_sha256 = fields.String(required=True)
    identity_level = fields.Integer(required=True)
    signed_at = Instant(required=True)


class ActorSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(["resident", "staff", "office", "system"]))
    name = fields.String(required=True, allow_none=True)


class ItemSchema(Schema):
    """One thing to correct or to bring."""

    pointer = fields.String(required=True, metadata={"example": "/materials/photo"})
    words = fields.String(required=True, metadata={"example": "照片模糊，请重新上传"})


class AskedSchema(Schema):
    """What is asked of the applicant now."""

    kind = fields.String(required=True, validate=validate.OneOf(["correct", "promise", "bring", "collect"]))
    words = fields.String(required=True, metadata={"example": "请补正下列内容"})
    items = fields.List(fields.Nested(ItemSchema), required=True)
    until = fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "date", "description": "The last day; null where none counts, or where it is over."},
    )


class EventSchema(Schema):
    # PostgreSQL writes this instant as RFC 3339 already; parsing it only to write it again would cost time.
    at = fields.String(required=True, metadata={"format": "date-time"})
    step = fields.String(required=True, metadata={"example": "accept"})
    state = fields.String(required=True)
    text = fields.String(required=True, metadata={"example": "部门已受理"})
    unit = fields.String(required=True, metadata={"description": "The department in charge."})
    actor = fields.Nested(ActorSchema, required=True)
    opinion = fields.String(required=True, allow_none=True)
    items = fields.List(fields.Nested(ItemSchema), required=True)
    until = fields.String(required=True, allow_none=True, metadata={"format": "date"})
    working_days = fields.Integer(
        required=True, allow_none=True, metadata={"description": "How many days a step adds, or is expected to take."}
    )


class ProgressSchema(Schema):
    id = fields.UUID(required=True)
    reference = fields.String(required=True, allow_none=True)
    state = fields.String(required=True)
    state_text = fields.String(required=True)
    service = fields.Nested(ServiceNameSchema, required=True)
    received_at = Instant(required=True, allow_none=True)
    turn = fields.Integer(required=True, allow_none=True)
    due = fields.Nested(DueSchema, required=True, allow_none=True)
    next = fields.String(required=True, metadata={"example": "部门最迟在2026-12-01告知您是否受理"})
    asked = fields.Nested(AskedSchema, required=True, allow_none=True)
    events = fields.List(fields.Nested(EventSchema), required=True)


class WithdrawSchema(Schema):
    reason = text(0, 500, load_default=None, allow_none=True)


class ChangeSchema(Schema):
    pointer = fields.String(required=True, metadata={"example": "/answers/address_detail"})
    label = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class ChangedFileSchema(Schema):
    material = fields.String(required=True)
    label = fields.String(required=True)
    filename = fields.String(required=True)
    sha256 = fields.String(required=True)


class RoundSchema(Schema):
    """What one filing changed against the one before."""

    round = fields.Integer(required=True, metadata={"example": 2})
    filed_at = Instant(required=True, allow_none=True, metadata={"description": "None: not filed again yet."})
    answers = fields.List(fields.Nested(ChangeSchema), required=True)
    added = fields.List(fields.Nested(ChangedFileSchema), required=True)
    left_out = fields.List(fields.Nested(ChangedFileSchema), required=True)


class ChangesSchema(Schema):
    items = fields.List(fields.Nested(RoundSchema), required=True)


class ResultSchema(Schema):
    """Either a document (`filename`, `size`, `sha256`, `url`) or an answer in `data`."""

    kind = fields.String(required=True, validate=validate.OneOf(["document", "data"]))
    filename = fields.String()
    size = fields.Integer()
    sha256 = fields.String()
    url = fields.String(metadata={"description": "Good for ten minutes."})
    data = fields.Dict()
