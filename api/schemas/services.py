"""Shapes of services and their guides."""

from __future__ import annotations

from marshmallow import Schema, fields


class ServiceSummarySchema(Schema):
    code = fields.String(required=True, metadata={"example": "residence-permit"})
    version = fields.Integer(required=True)
    name = fields.String(required=True, metadata={"example": "居住证申领"})
    summary = fields.String(required=True)
    department = fields.String(required=True, metadata={"example": "gongan"})
    case_type = fields.Integer(
        required=True, metadata={"description": "GB/T 39046 A.6: 1 on the spot, 2 promised, 9 other."}
    )


class ServicePageSchema(Schema):
    items = fields.List(fields.Nested(ServiceSummarySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class GuideSchema(ServiceSummarySchema):
    """Everything a resident reads before applying, and the form as JSON Schema 2020-12."""

    basic_code = fields.String(required=True)
    implementation_code = fields.String(required=True)
    item_type = fields.String(required=True, metadata={"description": "GB/T 39046 A.1."})
    targets = fields.List(fields.Integer(), required=True, metadata={"description": "GB/T 39046 A.4."})
    topics = fields.List(fields.Raw(), required=True)
    conditions = fields.List(fields.String(), required=True)
    legal_bases = fields.List(fields.Dict(), required=True)
    limits = fields.Dict(required=True)
    identity = fields.Dict(required=True)
    signature = fields.Boolean(required=True)
    fees = fields.Dict(required=True)
    materials = fields.List(fields.Dict(), required=True)
    form = fields.Dict(required=True)
    steps = fields.List(fields.Dict(), required=True)
    results = fields.List(fields.Dict(), required=True)
    places = fields.List(fields.Dict(), required=True)
    faq = fields.List(fields.Dict(), required=True)
