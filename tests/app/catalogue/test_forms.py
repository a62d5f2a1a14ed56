"""Forms: the verdicts of the published forms against a second validator, and the words of their faults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

import app.catalogue.forms
from app import clock
from app.catalogue.formats import FORMATS
from app.catalogue.forms import Form
from app.catalogue.wording import FAULTS, FORMAT_FAULTS, GENERAL_FAULT

FOLDER = Path(app.catalogue.forms.__file__).parent / "definitions"
SERVICES = ["housing-fund-balance", "residence-permit", "old-age-allowance"]
DEFINITIONS: dict[str, dict[str, Any]] = {
    code: yaml.safe_load((FOLDER / f"{code}.yaml").read_text(encoding="utf-8")) for code in SERVICES
}
FORMS = {code: Form(d["form"]["schema"], d["form"]["layout"]) for code, d in DEFINITIONS.items()}
PERMIT, ALLOWANCE = FORMS["residence-permit"], FORMS["old-age-allowance"]

PERMIT_ANSWERS: dict[str, Any] = {
    "reason": "employment",
    "employer_name": "示例县茶厂",
    "address_region": "532999001001",
    "address_detail": "示范路1号3栋2单元501室",
    "residence_kind": "rented",
    "residing_since": "2025-03-01",
    "hukou_address": "云南省昆明市五华区示例街道2号",
    "contact_phone": "13812345678",
    "emergency_contact_name": "阿依古丽·买买提",
    "emergency_contact_phone": "13987654321",
    "delivery": "post",
    "delivery_address": "示范路1号3栋2单元501室",
}
ALLOWANCE_ANSWERS: dict[str, Any] = {
    "hukou_village": "示例镇太平村",
    "account_owner": "other",
    "account_holder_name": "李建国",
    "account_holder_relation": "child",
    "bank_name": "农村信用社",
    "bank_card": "6200000000000005",
    "paid_elsewhere": False,
    "lives_alone": True,
    "helper": "family",
    "helper_name": "李建国",
    "helper_relation": "child",
    "helper_document_number": "11010519491231002x",
    "helper_phone": "13812345678",
}
COMPLETE = {
    "housing-fund-balance": {},
    "residence-permit": PERMIT_ANSWERS,
    "old-age-allowance": ALLOWANCE_ANSWERS,
}


def without(answers: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {field: answer for field, answer in answers.items() if field not in fields}


def oracle(code: str) -> Draft202012Validator:
    """The reference implementation in Python, knowing our formats too."""
    checker = FormatChecker(formats=["date"])
    for name, fits in FORMATS.items():
        checker.checks(name)(lambda value, fits=fits: not isinstance(value, str) or fits(value))
    return Draft202012Validator(DEFINITIONS[code]["form"]["schema"], format_checker=checker)


ORACLES = {code: oracle(code) for code in SERVICES}

# No lone surrogates, which are no JSON text: the second validator does not refuse them, ours does.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
LINES = st.text("示例abc1 ", min_size=1, max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


def nearly_right(code: str) -> st.SearchStrategy[dict[str, Any]]:
    """The complete answers with some left out, and some replaced by another answer or by anything."""
    complete: dict[str, Any] = COMPLETE[code]
    properties = DEFINITIONS[code]["form"]["schema"]["properties"]
    choices = [value for schema in properties.values() for value in schema.get("enum", [])]
    likely_texts = ["", " ", "1"]
    likely = st.sampled_from([*complete.values(), *choices, *likely_texts, True, None, 0])

    def answer(field: str) -> st.SearchStrategy[Any]:
        own = [complete[field]] if field in complete else []
        own += properties[field].get("enum", [])
        if properties[field].get("format") == "text-line":
            return LINES | st.sampled_from(own or likely_texts) | likely | ANYTHING
        return st.sampled_from(own or likely_texts) | likely | ANYTHING

    known = st.fixed_dictionaries({}, optional={field: answer(field) for field in properties})
    optional = [field for field in properties if field not in complete]
    fields = st.sampled_from([*properties, "x"])
    changes = st.lists(fields, max_size=2, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({f: answer(f) if f in properties else likely for f in chosen})
    )
    gaps = st.sets(st.sampled_from([*complete, *optional, "x"]), max_size=1)
    slips = st.builds(lambda gap, change: without(complete, *gap) | change, gaps, changes)
    return slips | known | st.dictionaries(TEXTS, ANYTHING, max_size=3)


@pytest.mark.parametrize("code", SERVICES)
@given(data=st.data())
def test_the_verdict_is_that_of_a_second_validator(code: str, data: st.DataObject) -> None:
    answers = data.draw(nearly_right(code))
    assert (not FORMS[code].check(answers, "zh")) == ORACLES[code].is_valid(answers)


@pytest.mark.parametrize("code", SERVICES)
@given(data=st.data())
def test_both_languages_find_the_same_faults_and_repeat_no_answer(code: str, data: st.DataObject) -> None:
    secret = "🀄机密答案🀄"
    answers = {field: secret for field in data.draw(nearly_right(code))}
    chinese, english = FORMS[code].check(answers, "zh"), FORMS[code].check(answers, "en")
    assert chinese.keys() == english.keys()
    assert set(FORMS[code].missing(answers)) <= chinese.keys()
    assert secret not in str([*chinese.values(), *english.values()])


@pytest.mark.parametrize("code", SERVICES)
def test_complete_answers_have_no_fault(code: str) -> None:
    assert FORMS[code].check(COMPLETE[code], "zh") == {}
    assert FORMS[code].missing(COMPLETE[code]) == []


@pytest.mark.parametrize("code", SERVICES)
def test_schemas_are_valid_closed_and_bounded(code: str) -> None:
    schema = DEFINITIONS[code]["form"]["schema"]
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    for field in schema["properties"].values():
        assert field["type"] == "boolean" or "enum" in field or 0 < field["maxLength"] <= 200
        assert "pattern" not in field
        assert field.get("format", "text-line") in FORMATS


@pytest.mark.parametrize("code", SERVICES)
def test_every_field_has_its_words_and_every_choice_too(code: str) -> None:
    form = DEFINITIONS[code]["form"]
    assert [field["field"] for field in form["layout"]] == list(dict.fromkeys(f["field"] for f in form["layout"]))
    assert {field["field"] for field in form["layout"]} == form["schema"]["properties"].keys()
    for field in form["layout"]:
        assert isinstance(field["sensitive"], bool)
        assert all(field[key]["zh"] and field[key]["en"] for key in ("label", "hint", "purpose"))
        offered = [option["value"] for option in field.get("options", [])]
        assert offered == form["schema"]["properties"][field["field"]].get("enum", [])


def test_missing_fields_are_asked_for_by_their_label() -> None:
    answers = without(ALLOWANCE_ANSWERS, "helper_phone", "account_holder_relation", "bank_name")
    assert set(ALLOWANCE.missing(answers)) == {"/helper_phone", "/account_holder_relation", "/bank_name"}
    assert ALLOWANCE.check(answers, "zh") == {
        "/helper_phone": ["请填写帮忙人手机"],
        "/account_holder_relation": ["请选择卡主是老人的什么人"],
        "/bank_name": ["请填写开户银行"],
    }
    assert ALLOWANCE.check(answers, "en")["/bank_name"] == ["Please fill in Bank"]


@pytest.mark.parametrize("blank", ["", "  ", "\u3000"])
def test_a_blank_is_asked_for_like_a_missing_field(blank: str) -> None:
    assert ALLOWANCE.check(ALLOWANCE_ANSWERS | {"bank_name": blank}, "zh") == {"/bank_name": ["请填写开户银行"]}


@pytest.mark.parametrize(
    ("reason", "asked"), [("employment", "/employer_name"), ("study", "/school_name"), ("residence", None)]
)
def test_the_reason_decides_which_name_is_asked_for(reason: str, asked: str | None) -> None:
    answers = without(PERMIT_ANSWERS, "employer_name") | {"reason": reason}
    assert PERMIT.missing(answers) == ([asked] if asked else [])


def test_a_contact_needs_name_and_telephone() -> None:
    assert PERMIT.missing(without(PERMIT_ANSWERS, "emergency_contact_phone")) == ["/emergency_contact_phone"]
    assert PERMIT.missing(without(PERMIT_ANSWERS, "emergency_contact_name", "emergency_contact_phone")) == []


def test_nobody_can_have_moved_in_tomorrow() -> None:
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    faults = PERMIT.check(PERMIT_ANSWERS | {"residing_since": tomorrow}, "en")
    assert faults == {
        "/residing_since": ["Living here since must be a real date, for example 2026-03-01, and not after today"]
    }


def test_the_words_of_other_faults() -> None:
    slips = {
        "contact_phone": "1381234567",
        "delivery": "drone",
        "address_detail": "路" * 121,
        "residing_since": 7,
    }
    assert PERMIT.check(PERMIT_ANSWERS | slips | {"shoe_size": 42}, "zh") == {
        "/contact_phone": ["联系电话应为11位手机号"],
        "/delivery": ["请从给出的选项里选择怎么领证"],
        "/address_detail": ["现在住的详细地址最多写120个字"],
        "/residing_since": ["从哪天开始住在这里的内容类型不对，请检查"],
        "/shoe_size": ["表单里没有这一项"],
    }


def test_pointers_are_escaped() -> None:
    assert PERMIT.check(PERMIT_ANSWERS | {"a/b~c": 1}, "en") == {"/a~1b~0c": ["The form has no such field"]}


@pytest.mark.parametrize("answers", [{"reason": "\ud800"}, {"\ud800": 1}])
def test_half_a_character_is_a_fault_and_no_crash(answers: dict[str, Any]) -> None:
    assert list(PERMIT.check(answers, "zh")) == [""]
    assert PERMIT.missing(answers) == []


def test_bottomless_answers_are_a_fault_and_no_crash() -> None:
    answers: dict[str, Any] = {}
    for _ in range(5000):
        answers = {"reason": answers}
    assert list(PERMIT.check(answers, "zh")) == [""]


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"type": "string"}, 1),
        ({"format": "date"}, "2025-02-29"),
        ({"pattern": "^[0-9]$"}, "a"),
        ({"minLength": 2}, "a"),
        ({"maxLength": 2}, "abc"),
        ({"enum": ["a"]}, "b"),
        ({"const": True}, False),
        ({"minimum": 2}, 1),
        ({"maximum": 2}, 3),
        ({"exclusiveMinimum": 2}, 2),
        ({"exclusiveMaximum": 2}, 2),
        ({"multipleOf": 2}, 3),
        ({"minItems": 1}, []),
        ({"maxItems": 1}, [1, 2]),
        ({"uniqueItems": True}, [1, 1]),
        ({"contains": {"const": 1}}, [2]),
        ({"minProperties": 1}, {}),
        ({"maxProperties": 0}, {"a": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
        ({"oneOf": [{}, {"type": "string"}]}, "a"),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, "a"),
        ({"not": {"type": "string"}}, "a"),
        (False, 1),
        ({"if": {"type": "string"}, "then": {"minLength": 2}}, "a"),
        ({"if": {"type": "string"}, "then": False}, "a"),
        ({"propertyNames": {"maxLength": 1}}, {"aa": 1}),
        ({"type": "array", "prefixItems": [{}], "unevaluatedItems": False}, [1, 2]),
    ],
)
def test_every_keyword_has_words(schema: Any, answer: Any) -> None:
    layout = [{"field": "f", "label": {"zh": "鞋码", "en": "Shoe size"}, "widget": "text"}]
    form = Form({"properties": {"f": schema}}, layout)
    for language, label in (("zh", "鞋码"), ("en", "Shoe size")):
        (words,) = [message for messages in form.check({"f": answer}, language).values() for message in messages]
        assert label in words
        assert "{" not in words


def test_a_fault_of_the_whole_form_names_the_form() -> None:
    form = Form({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    assert form.check({}, "en") == {"": ["The form fits none of the ways to fill it in"]}
    assert form.check({"a": 1}, "en") == {}


def test_a_form_that_is_no_schema_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="minLength"):
        Form({"properties": {"a": {"minLength": -1}}})


def test_unevaluated_fields_are_told_like_unexpected_ones() -> None:
    form = Form({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False})
    assert form.check({"a": 1, "b": 1}, "en") == {"/b": ["The form has no such field"]}


def test_without_a_layout_the_field_s_code_stands_for_its_label() -> None:
    assert Form({"required": ["a"]}).check({}, "zh") == {"/a": ["请填写a"]}


def test_all_words_exist_in_both_languages() -> None:
    for words in [*FAULTS.values(), *FORMAT_FAULTS.values(), GENERAL_FAULT]:
        assert words.keys() == {"zh", "en"}
    assert FORMATS.keys() <= FORMAT_FAULTS.keys()
