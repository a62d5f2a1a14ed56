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


class ListedServiceSchema(ServiceSummarySchema):
    """A service in one line of a list."""

    region = fields.String(required=True, metadata={"description": "GB/T 2260: where it is offered."})


class ServicePageSchema(Schema):
    items = fields.List(fields.Nested(ListedServiceSchema), required=True)
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
    level = fields.Integer(required=True, metadata={"description": "GB/T 39046 A.2."})
    implementing_body = fields.Dict(required=True, metadata={"description": "Name and nature (GB/T 39046 A.3)."})
    region = fields.String(required=True, metadata={"description": "GB/T 2260."})
    handling_scope = fields.Dict(required=True)
    applicants = fields.Dict(required=True, metadata={"description": "`kinds`: person, organisation, minor."})
    topic_codes = fields.List(fields.String(), required=True)
    life_events = fields.List(fields.String())
    audiences = fields.List(fields.String())
    channels = fields.List(fields.Integer(), required=True, metadata={"description": "GB/T 39046 A.5."})
    situations = fields.List(fields.Dict(), metadata={"description": "Questions that decide what else is asked."})
    flow = fields.Dict(metadata={"description": "`nodes` and `edges` to draw."})
    quota = fields.Dict(allow_none=True)
    commitment = fields.Dict(metadata={"description": "It can be decided on a written commitment, and on what basis."})
    corrections = fields.Dict(metadata={"description": "What becomes of it when corrections do not come in time."})
    joint = fields.Dict(metadata={"description": "The departments' parts of a joint service."})
    signing = fields.Dict()
    payment = fields.Dict()
    appointment = fields.Dict()
    express = fields.Dict()
    automatic = fields.Dict(metadata={"description": "Set for a benefit that nobody applies for."})
    retention = fields.Dict(required=True)
    availability = fields.Raw()
    effective = fields.Dict()
    intermediaries = fields.List(fields.Raw(), metadata={"description": "Intermediary services, with their basis."})
    outreach = fields.Dict()
    partners = fields.List(fields.Raw(), metadata={"description": "Departments that are heard."})
    keywords = fields.Raw()
    ages = fields.Dict()
    contacts = fields.Dict()
    power_source = fields.Integer()
    online_depth = fields.Integer(metadata={"description": "1 information … 4 the whole way."})
    on_site_visits = fields.Integer(metadata={"description": "How often one has to come in person."})
    special_procedures = fields.List(fields.Dict(), metadata={"description": "GB/T 39046 A.7."})
    on_the_phone = fields.Boolean(required=True, metadata={"description": "Can it be applied for here at all?"})
    maintenance = fields.Dict(
        required=True, allow_none=True, metadata={"description": "`note` and `until` while it is closed, else null."}
    )
    minimum_clients = fields.Dict(
        required=True, metadata={"description": "Platform to the oldest version that can file."}
    )
