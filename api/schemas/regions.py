"""Shapes of regions and departments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

_CODE = validate.Regexp(r"^[0-9]{6}(?:[0-9]{6})?$")
_DEPARTMENT = validate.Regexp(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")


class RegionQuery(Schema):
    parent = fields.String(load_default=None, validate=_CODE, metadata={"example": "530000"})


class RegionSchema(Schema):
    code = fields.String(required=True, metadata={"description": "GB/T 2260; 12 digits below the county."})
    name = fields.String(required=True, metadata={"example": "云南省"})
    level = fields.Integer(
        required=True,
        metadata={"description": "2 province, 3 city, 4 county, 5 town, 6 village (GB/T 39046 A.2)."},
    )
    parent = fields.String(required=True, allow_none=True)
    has_more = fields.Boolean(required=True, metadata={"description": "Whether there are regions below it."})


class RegionListSchema(Schema):
    items = fields.List(fields.Nested(RegionSchema), required=True)


class DepartmentQuery(Schema):
    parent = fields.String(load_default=None, validate=[_DEPARTMENT, validate.Length(max=64)])
    region = fields.String(load_default=None, validate=_CODE, metadata={"example": "532999"})


class DepartmentSchema(Schema):
    code = fields.String(required=True, metadata={"example": "gongan"})
    name = fields.String(required=True)
    parent = fields.String(required=True, allow_none=True)
    region = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    has_more = fields.Boolean(required=True, metadata={"description": "Whether there are departments below it."})


class DepartmentListSchema(Schema):
    items = fields.List(fields.Nested(DepartmentSchema), required=True)
