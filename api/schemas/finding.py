"""Shapes of finding a service: what may be asked, and what is suggested."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.paging import PageQuery
from api.schemas.services import ListedServiceSchema
from app.catalogue import codes

_REGION = validate.Regexp(r"^[0-9]{6}(?:[0-9]{6})?$")
_CODE = validate.Regexp(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
_REGION_WORDS = "GB/T 2260. Services of this region and of those it lies in, the nation included."


class ServiceQuery(PageQuery):
    q = fields.String(
        load_default=None,
        validate=validate.Length(1, 100),
        metadata={
            "description": "Words, parts of words, pinyin or its first letters, as people type them.",
            "example": "老人补贴",
        },
    )
    region = fields.String(
        load_default=None, validate=_REGION, metadata={"description": _REGION_WORDS, "example": "532999"}
    )
    topic = fields.String(load_default=None, validate=validate.OneOf(list(codes.TOPICS)))
    life_event = fields.String(load_default=None, validate=validate.OneOf(list(codes.LIFE_EVENTS)))
    audience = fields.String(load_default=None, validate=validate.OneOf(list(codes.AUDIENCES)))
    department = fields.String(
        load_default=None, validate=[validate.Length(1, 60), _CODE], metadata={"example": "minzheng"}
    )


class RegionOnlyQuery(Schema):
    region = fields.String(
        required=True, validate=_REGION, metadata={"description": _REGION_WORDS, "example": "532999"}
    )


class SuggestionsSchema(Schema):
    popular = fields.List(
        fields.Nested(ListedServiceSchema),
        required=True,
        metadata={"description": "Most filed first. What few people filed is never in it."},
    )


class MySuggestionsSchema(SuggestionsSchema):
    for_you = fields.List(
        fields.Nested(ListedServiceSchema),
        required=True,
        metadata={"description": "For people of your age; empty when your document does not say it."},
    )


class ClassSchema(Schema):
    code = fields.String(required=True, metadata={"example": "elderly"})
    name = fields.String(required=True, metadata={"example": "老年服务"})


class ClassesSchema(Schema):
    topics = fields.List(fields.Nested(ClassSchema), required=True)
    life_events = fields.List(fields.Nested(ClassSchema), required=True)
    audiences = fields.List(fields.Nested(ClassSchema), required=True)
