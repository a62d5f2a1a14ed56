"""Shapes of the catalogue as administrators see it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.paging import PageQuery
from api.schemas.fields import Instant, text
from app.catalogue.availability import PLATFORMS, is_version
from app.catalogue.services import STATES


class CatalogueQuery(PageQuery):
    state = fields.String(load_default="draft", validate=validate.OneOf(STATES))


class KeptHeadSchema(Schema):
    version = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    drafted_by = fields.String(required=True)
    drafted_at = fields.AwareDateTime(required=True)
    effective_from = fields.Date(required=True, allow_none=True)


class WaitingVersionSchema(KeptHeadSchema):
    code = fields.String(required=True, metadata={"example": "residence-permit"})
    name = fields.Dict(required=True, metadata={"example": {"zh": "居住证申领", "en": "Residence permit"}})


class VersionPageSchema(Schema):
    items = fields.List(fields.Nested(WaitingVersionSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ListedVersionSchema(KeptHeadSchema):
    sha256 = fields.String(required=True, allow_none=True)
    effective_until = fields.Date(required=True, allow_none=True)
    reviewed_by = fields.String(required=True, allow_none=True)
    reviewed_at = fields.AwareDateTime(required=True, allow_none=True)
    published_by = fields.String(required=True, allow_none=True)
    published_at = fields.AwareDateTime(required=True, allow_none=True)
    withdrawn_on = fields.Date(required=True, allow_none=True)


class RecordSchema(Schema):
    at = fields.AwareDateTime(required=True)
    actor = fields.String(required=True, metadata={"description": "`staff:<id>`, or `system:…`."})
    action = fields.String(required=True, metadata={"example": "reviewed"})
    version = fields.Integer(required=True, allow_none=True)
    details = fields.Dict(required=True)


class KeptServiceSchema(Schema):
    code = fields.String(required=True)
    versions = fields.List(fields.Nested(ListedVersionSchema), required=True)
    maintenance = fields.Dict(required=True, allow_none=True)
    minimum_clients = fields.Dict(required=True)
    records = fields.List(fields.Nested(RecordSchema), required=True)


class KeptVersionSchema(Schema):
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    definition = fields.Dict(required=True)
    text = fields.String(required=True, metadata={"description": "The same as a YAML file."})


class ImportSchema(Schema):
    key = fields.String(required=True, metadata={"description": "The same for the same files."})
    actor = fields.String(required=True)
    started_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    done = fields.Integer(required=True)
    kept = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    rejected = fields.Integer(required=True)


class ImportListSchema(Schema):
    items = fields.List(fields.Nested(ImportSchema), required=True)


class DifferencesQuery(Schema):
    against = fields.Integer(required=True, validate=validate.Range(1, 99999))


class DifferencesSchema(Schema):
    items = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "`pointer`, `change` (added, removed, changed), `before`, `after`."},
    )


class DefinitionTextSchema(Schema):
    text = fields.String(
        required=True,
        validate=validate.Length(1, 200_000),
        metadata={"description": "A definition file, YAML or JSON.", "example": "code: residence-permit\n…"},
    )


class FaultSchema(Schema):
    line = fields.Integer(required=True)
    pointer = fields.String(required=True, metadata={"description": "JSON Pointer (RFC 6901) into the definition."})
    code = fields.String(required=True)
    words = fields.String(required=True)


class CheckedSchema(Schema):
    sound = fields.Boolean(required=True)
    faults = fields.List(fields.Nested(FaultSchema), required=True)


class DraftedSchema(Schema):
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    outcome = fields.String(required=True, metadata={"description": "new, replaced or unchanged."})


class NoteSchema(Schema):
    note = text(0, 500, load_default="")


class ReasonSchema(Schema):
    reason = text(2, 500, required=True)


class VersionStateSchema(Schema):
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True)


class WrittenWordsSchema(Schema):
    """What staff write in both languages."""

    zh = text(1, 500, required=True)
    en = text(1, 500, required=True)


class MaintenanceSchema(Schema):
    note = fields.Nested(WrittenWordsSchema, required=True, allow_none=True)
    until = Instant(load_default=None)


class MinimumClientSchema(Schema):
    platform = fields.String(required=True, validate=validate.OneOf(PLATFORMS))
    version = fields.String(required=True, allow_none=True, metadata={"example": "2.3.1"})

    @validates_schema
    def _is_version(self, data: dict[str, Any], **_: Any) -> None:
        if data["version"] is not None and not is_version(data["version"]):
            raise ValidationError("One to four numbers with dots.", "version")
