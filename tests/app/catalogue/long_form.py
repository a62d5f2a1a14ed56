"""A long form: 30 fields with conditions, a group, computed values, rules and situations; `python -m` measures it.

python -m tests.app.catalogue.long_form
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from datetime import date
from typing import Any

from app.catalogue.forms import Form
from app.catalogue.persons import Person
from tests.app.catalogue.random_forms import words

Data = dict[str, Any]

TODAY = date(2026, 11, 22)
PERSON = Person("李建国", "111", "11010519491231002X", "13812345678")

TEXT: Data = {"type": "string", "format": "text-line", "minLength": 1, "maxLength": 100}
FORMATS: Data = {
    "id": {"type": "string", "format": "citizen-id", "maxLength": 18},
    "phone": {"type": "string", "format": "cn-mobile", "maxLength": 11},
    "card": {"type": "string", "format": "bank-card", "maxLength": 19},
    "region": {"type": "string", "format": "region-code", "maxLength": 12},
    "start": {"type": "string", "format": "past-date", "maxLength": 10},
    "end": {"type": "string", "format": "date", "maxLength": 10},
    "kind": {"type": "string", "enum": ["a", "b", "c"]},
    "married": {"type": "boolean"},
    "name": TEXT,
    "age": {"type": "integer", "minimum": 0},
    "total": {"type": "number"},
}
CHILD: Data = {
    "type": "object",
    "properties": {"name": TEXT, "born": FORMATS["end"], "amount": {"type": "number", "minimum": 0}, "school": TEXT},
    "required": ["name", "born", "school"],
    "additionalProperties": False,
}


def _entry(field: str, **more: Any) -> Data:
    label = {"field": field, "label": words(field), "hint": words("h"), "purpose": words("p")}
    return {**label, "sensitive": False, "widget": "text", **more}


def long_form() -> Data:
    texts = {f"line{number}": TEXT for number in range(18)}
    properties = {**FORMATS, **texts, "children": {"type": "array", "minItems": 1, "maxItems": 10, "items": CHILD}}
    own = {"any": [{"field": "kind", "values": ["a", "b"]}, {"situation": "who", "values": ["child"]}]}
    schooled = {"compare": [{"years": [{"field": "born"}, {"today": True}]}, ">=", {"value": 6}]}
    inner = [_entry("name"), _entry("born"), _entry("amount"), _entry("school", shown_when=schooled)]
    logic: Data = {
        "name": {"prefill": {"from": "name"}},
        "id": {"prefill": {"from": "document_number"}},
        "phone": {"prefill": {"from": "phone", "editable": True}},
        "age": {"computed": {"age": {"field": "id"}}},
        "total": {"computed": {"sum": [{"items": "children", "field": "amount"}]}},
        "children": {"widget": "group", "item_label": {"zh": "第{n}个孩子", "en": "Child {n}"}, "fields": inner},
        **{f"line{number}": {"shown_when": own} for number in range(6)},
        "line7": {
            "shown_when": {
                "all": [{"field": "married", "values": [True]}, {"not": {"field": "line0", "filled": False}}]
            }
        },
    }
    layout = [_entry(name, **logic.get(name, {})) for name in properties]
    layout[[entry["field"] for entry in layout].index("kind")]["options"] = [
        {"value": value, "label": words(value)} for value in FORMATS["kind"]["enum"]
    ]
    late: Data = {
        "code": "end_after_start",
        "check": {"compare": [{"field": "start"}, "<=", {"field": "end"}]},
        "at": ["end"],
        "words": {"zh": "结束日期不能早于开始日期", "en": "The end can not be before the start"},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    who = {"code": "who", "question": {"zh": "为谁办", "en": "For whom"}}
    options = [{"value": "self", "label": words("self")}, {"value": "child", "label": words("child")}]
    form = {"schema": schema, "layout": layout, "rules": [late]}
    return {"form": form, "situations": [{**who, "options": options}]}


def long_answers() -> Data:
    child = {"name": "李小明", "born": "2015-03-01", "amount": 120.5, "school": "示例县第一小学"}
    return {
        "situations": {"who": "child"},
        "name": "李建国",
        "id": "11010519491231002X",
        "phone": "13812345678",
        "card": "6200000000000005",
        "region": "532999001001",
        "start": "2025-03-01",
        "end": "2026-03-01",
        "kind": "a",
        "married": True,
        "children": [child, {**child, "name": "李小红"}],
        **{f"line{number}": "示范路1号3栋2单元501室" for number in range(18)},
    }


def _microseconds(act: Callable[[], object]) -> float:
    """Of the fastest of five rounds: what the machine's other work adds is not the form's."""
    return min(timeit.repeat(act, number=1000, repeat=5)) * 1000


def main() -> None:
    form, answers = Form.of(long_form()), long_answers()
    cleaned = form.clean(answers, PERSON, TODAY)
    print(f"{len(form.fields())} fields and situations, faults: {form.check(cleaned, 'zh', TODAY)}")
    for name, act in {
        "clean": lambda: form.clean(answers, PERSON, TODAY),
        "check": lambda: form.check(cleaned, "zh", TODAY),
        "of that the JSON Schema": lambda: form.validator.is_valid(cleaned),
        "visible": lambda: form.visible(cleaned, TODAY),
        "check of empty answers": lambda: form.check({}, "zh", TODAY),
    }.items():
        print(f"{_microseconds(act):8.1f} µs  {name}")


if __name__ == "__main__":
    main()
