"""The form of W2: 30 bounded fields in the manner of the residence permit's, about 3 KB when filled in."""

from __future__ import annotations

from typing import Any

SERVICE = "bench-form-{}"
"""The code of the n-th service with this form: every service has a queue of its own."""

DEPARTMENT = "gongan"

_LINE = {"type": "string", "format": "text-line", "minLength": 2, "maxLength": 120}
_LONG = {"type": "string", "format": "text-line", "minLength": 2, "maxLength": 400}
_MOBILE = {"type": "string", "format": "cn-mobile", "maxLength": 11}
_DAY = {"type": "string", "format": "past-date", "maxLength": 10}
_REGION = {"type": "string", "format": "region-code", "maxLength": 12}


def _choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


# Field → (its schema, an answer).
_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "reason": (_choice("employment", "residence", "study"), "employment"),
    "employer_name": (_LINE, "示例县太平镇幸福路农产品加工有限责任公司"),
    "employer_address": (_LINE, "云南省示例县太平镇工业园区示范路12号4栋一楼"),
    "employer_phone": (_MOBILE, "19900000001"),
    "employed_since": (_DAY, "2023-03-01"),
    "occupation": (_LINE, "包装车间质量检验员"),
    "education": (_choice("primary", "middle", "high", "college", "university"), "high"),
    "marital_status": (_choice("single", "married", "divorced", "widowed"), "married"),
    "address_region": (_REGION, "532999"),
    "address_detail": (_LINE, "太平镇幸福路18号示范小区3栋2单元501室"),
    "residence_kind": (_choice("rented", "owned", "employer", "relative", "school"), "rented"),
    "residing_since": (_DAY, "2024-09-01"),
    "landlord_name": (_LINE, "赵家和"),
    "landlord_phone": (_MOBILE, "19900000003"),
    "lease_until_known": (_choice("yes", "no"), "yes"),
    "hukou_region": (_REGION, "513401"),
    "hukou_address": (_LINE, "四川省凉山彝族自治州西昌市示范街道和平社区7组23号"),
    "contact_phone": (_MOBILE, "19900000002"),
    "postal_address": (_LINE, "云南省示例县太平镇幸福路18号示范小区3栋2单元501室"),
    "emergency_contact_name": (_LINE, "李建民"),
    "emergency_contact_phone": (_MOBILE, "19900000004"),
    "emergency_contact_relation": (_choice("spouse", "parent", "child", "sibling", "friend"), "sibling"),
    "school_of_child": (_LINE, "示例县太平镇中心小学三年级二班"),
    "child_enrolled_on": (_DAY, "2023-09-01"),
    "insurance_place": (_LINE, "示例县城乡居民基本医疗保险参保登记处"),
    "delivery": (_choice("counter", "post"), "post"),
    "delivery_address": (_LINE, "云南省示例县太平镇幸福路18号示范小区3栋2单元501室门卫代收"),
    "life_here": (_LONG, "本人自2024年9月起在太平镇居住，租住示范小区房屋一套，与房东签有书面合同，按月缴租。" * 4),
    "work_here": (_LONG, "在本镇农产品加工公司做质量检验，签订三年期劳动合同，单位按时缴纳社会保险和公积金。" * 4),
    "remarks": (_LONG, "孩子在本镇小学读书，希望尽快办好居住证，以便办理下学期的入学手续和医疗保险参保登记。" * 3),
}


def answers() -> dict[str, str]:
    """Every field, filled in."""
    return {name: answer for name, (_, answer) in _FIELDS.items()}


def definition(number: int, model: dict[str, Any]) -> dict[str, Any]:
    """The n-th service with this form that needs neither files nor a signature; the rest is the published `model`'s."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {name: schema for name, (schema, _) in _FIELDS.items()},
        "required": list(_FIELDS),
        "dependentRequired": {"emergency_contact_name": ["emergency_contact_phone"]},
        "allOf": [
            {
                "if": {"properties": {"delivery": {"const": "post"}}, "required": ["delivery"]},
                "then": {"required": ["delivery_address"]},
            }
        ],
        "additionalProperties": False,
    }
    form = {"schema": schema, "layout": []}
    code = SERVICE.format(number)
    return {**model, "code": code, "version": 1, "materials": [], "signature": False, "form": form}
