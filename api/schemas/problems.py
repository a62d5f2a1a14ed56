"""The one error body (RFC 9457)."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class ProblemSchema(Schema):
    """What every refusal and every fault looks like. Some codes add members of their own."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True, metadata={"format": "uri"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What to do now, in the caller's language."})
    code = fields.String(required=True, metadata={"description": "Stable and machine-readable."})
    instance = fields.String(required=True, metadata={"description": "Also in the log, to ask the help desk with."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "JSON Pointer into the request → what is wrong there."},
    )
