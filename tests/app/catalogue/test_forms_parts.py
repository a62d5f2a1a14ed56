"""Situations, groups, computed and prefilled values, rules and newer versions, as a resident meets them."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from app.catalogue.form_definitions import form_faults
from app.catalogue.forms import Form
from app.catalogue.persons import Person
from tests.app.catalogue.long_form import PERSON, TODAY, long_answers, long_form
from tests.app.catalogue.random_forms import words

DEFINITION, ANSWERS = long_form(), long_answers()
FORM = Form.of(DEFINITION)


def cleaned(answers: dict[str, Any], person: Person = PERSON) -> dict[str, Any]:
    return FORM.clean(answers, person, TODAY)


def check(answers: dict[str, Any], language: str = "zh") -> dict[str, list[str]]:
    return FORM.check(cleaned(answers), language, TODAY)


def without(answers: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: answer for name, answer in answers.items() if name not in names}


def changed(**parts: Any) -> dict[str, Any]:
    """The long form's definition with parts of its layout's entries replaced."""
    definition = deepcopy(DEFINITION)
    for entry in definition["form"]["layout"]:
        entry.update(parts.get(entry["field"], {}))
    return definition


def test_the_long_form_may_be_published_and_is_complete() -> None:
    assert form_faults(DEFINITION, "zh") == {}
    assert check(ANSWERS) == {}
    assert FORM.missing(cleaned(ANSWERS), TODAY) == []


def test_the_situation_is_asked_first_and_must_be_answered() -> None:
    assert "/situations/who" in FORM.visible({}, TODAY)
    assert check(without(ANSWERS, "situations"))["/situations/who"] == ["请选择为谁办"]
    assert check(ANSWERS | {"situations": {}})["/situations/who"] == ["请选择为谁办"]
    assert check(ANSWERS | {"situations": {"who": "ghost"}}) == {"/situations/who": ["请从给出的选项里选择为谁办"]}
    assert check(ANSWERS | {"situations": {"who": "self", "x": "y"}})["/situations/x"] == ["表单里没有这一项"]


def test_what_the_situation_and_the_answers_do_not_call_for_is_dropped() -> None:
    answers = ANSWERS | {"situations": {"who": "self"}, "kind": "c"}
    kept = cleaned(answers)
    assert ANSWERS.keys() - kept.keys() == {f"line{number}" for number in (0, 1, 2, 3, 4, 5, 7)}
    assert "/line0" not in FORM.visible(answers, TODAY)
    # line7 looks at line0, which is hidden now, so it is hidden too and nobody misses either.
    assert FORM.check(kept, "zh", TODAY) == {}


def test_a_shown_field_that_is_required_is_missed() -> None:
    assert check(without(ANSWERS, "line0", "line9")) == {"/line0": ["请填写line0"], "/line9": ["请填写line9"]}
    assert FORM.missing(without(cleaned(ANSWERS), "line0", "line9"), TODAY) == ["/line9", "/line0"]


def test_items_of_a_group_are_called_by_their_number() -> None:
    toddler = {"name": "李小宝", "born": "2024-01-01", "school": "不该留下"}
    pupil = {"name": " ", "born": "2015-03-01", "shoe": 36}
    answers = ANSWERS | {"children": [toddler, pupil, "?"]}
    assert cleaned(answers)["children"][0] == {"name": "李小宝", "born": "2024-01-01"}
    assert check(answers) == {
        "/children/1/name": ["请填写第2个孩子的name"],
        "/children/1/school": ["请填写第2个孩子的school"],
        "/children/1/shoe": ["表单里没有这一项"],
        "/children/2": ["第3个孩子的内容类型不对，请检查"],
    }
    assert check(answers, "en")["/children/1/school"] == ["Please fill in school (Child 2)"]
    assert check(ANSWERS | {"children": []}) == {"/children": ["children至少要有1项"]}
    assert {"/children/0/name", "/children/1/school"} <= FORM.visible(answers, TODAY)
    assert "/children/0/school" not in FORM.visible(answers, TODAY)


def test_computed_values_are_the_server_s_whatever_was_sent() -> None:
    kept = cleaned(ANSWERS | {"age": 17, "total": 10**9})
    assert (kept["age"], kept["total"]) == (76, 241)
    assert "total" not in cleaned(ANSWERS | {"children": []})


def test_a_hidden_group_adds_nothing_to_a_sum() -> None:
    # Over several steps: line7 is for the married only, the children for those with line7, the total adds the children.
    form = Form.of(changed(children={"shown_when": {"field": "line7", "filled": True}}))
    assert form.clean(ANSWERS, PERSON, TODAY)["total"] == 241
    single = form.clean(ANSWERS | {"married": False}, PERSON, TODAY)
    assert "children" not in single and "total" not in single
    assert form.check(single, "zh", TODAY) == {}
    assert not [pointer for pointer in form.visible(single, TODAY) if pointer.startswith("/children")]


def test_what_the_login_knows_can_not_be_typed_over() -> None:
    forged = ANSWERS | {"name": "张三", "id": "53010219200508011X", "phone": "13987654321"}
    kept = cleaned(forged)
    assert (kept["name"], kept["id"], kept["phone"]) == ("李建国", "11010519491231002X", "13987654321")
    assert cleaned(without(ANSWERS, "name"))["name"] == "李建国"


def test_what_the_login_does_not_know_is_asked() -> None:
    assert cleaned(ANSWERS | {"name": "张三"}, Person())["name"] == "张三"


def test_a_new_draft_starts_with_what_is_known() -> None:
    assert FORM.prefilled(PERSON, TODAY) == {
        "name": "李建国", "id": "11010519491231002X", "phone": "13812345678", "age": 76
    }  # fmt: skip
    assert FORM.prefilled(Person(), TODAY) == {}


def test_a_person_s_birth_date_gender_and_age_come_from_the_id_card() -> None:
    def known(person: Person) -> list[Any]:
        return [person.known(source, TODAY) for source in ("birth_date", "gender", "age")]

    assert known(PERSON) == ["1949-12-31", "female", 76]
    assert known(Person(document_type="111", document_number="53010219200508011X")) == ["1920-05-08", "male", 106]
    assert known(Person(document_type="414", document_number="11010519491231002X")) == [None, None, None]
    assert known(Person(birth_date=date(2026, 11, 23), gender="male")) == ["2026-11-23", "male", None]
    assert "李建国" not in repr(PERSON) and "1949" not in repr(PERSON)


def test_numbers_are_kept_in_one_way_of_writing() -> None:
    kept = cleaned(ANSWERS | {"phone": "１３８ 1234-5678", "card": "6200 0000 0000 0005", "line9": "a - b"})
    assert (kept["phone"], kept["card"], kept["line9"]) == ("13812345678", "6200000000000005", "a - b")


def test_a_rule_across_fields_is_told_where_it_says() -> None:
    late = ANSWERS | {"end": "2025-02-28"}
    assert check(late) == {"/end": ["结束日期不能早于开始日期"]}
    assert check(late, "en") == {"/end": ["The end can not be before the start"]}
    assert check(without(late, "start")) == {"/start": ["请填写start"]}


def test_a_rule_for_each_item_names_the_item() -> None:
    definition = deepcopy(DEFINITION)
    definition["form"]["rules"] = [
        {
            "code": "born_after_start",
            "each": "children",
            "when": {"field": "/married", "values": [True]},
            "check": {"compare": [{"field": "born"}, "<=", {"field": "/start"}]},
            "at": ["born"],
            "words": words("r"),
        }
    ]
    form = Form.of(definition)
    answers = {"married": True, "start": "2020-01-01", "children": [{"born": "2019-01-01"}, {"born": "2021-01-01"}]}
    told = {pointer for pointer, said in form.check(answers, "zh", TODAY).items() if "r" in said}
    assert told == {"/children/1/born"}
    assert "r" not in str(form.check(answers | {"married": False}, "zh", TODAY)["/children/1/name"])
    assert not [said for said in form.check(answers | {"married": False}, "zh", TODAY).values() if said == ["r"]]


def test_materials_can_depend_on_answers_and_situations() -> None:
    for_child = {"situation": "who", "values": ["child"]}
    assert FORM.holds(for_child, ANSWERS)
    assert not FORM.holds(for_child, ANSWERS | {"situations": {"who": "self"}})
    # A hidden answer counts for nothing.
    hidden = ANSWERS | {"situations": {"who": "self"}, "kind": "c"}
    assert not FORM.holds({"field": "line0", "filled": True}, hidden)
    with pytest.raises(ValueError, match="unknown_field"):
        FORM.holds({"field": "unknown_field", "filled": True}, ANSWERS)


def test_fields_say_why_they_are_asked() -> None:
    fields = {field.path: field for field in FORM.fields()}
    assert fields["name"].prefill == "name" and not fields["name"].editable and fields["phone"].editable
    assert fields["children/school"].conditional and fields["children/school"].required
    assert fields["age"].computed and not fields["age"].required
    assert fields["situations/who"].label["zh"] == "为谁办"
    assert all(field.purpose for path, field in fields.items() if path != "situations/who")
    assert (fields["id"].format, fields["id"].sensitive) == ("citizen-id", False)


def test_a_client_is_told_in_one_language_and_with_a_plain_schema() -> None:
    told = FORM.for_client("en")
    assert told is FORM.for_client("en")
    layout = {entry["field"]: entry for entry in told["layout"]}
    assert layout["children"]["item_label"] == "Child {n}"
    assert [inner["required"] for inner in layout["children"]["fields"]] == [True, True, False, True]
    assert layout["line0"]["required"] and "line0" not in told["schema"]["required"]
    assert "age" not in told["schema"]["required"] and "line9" in told["schema"]["required"]
    assert told["schema"]["properties"]["situations"]["properties"]["who"]["enum"] == ["self", "child"]
    assert told["situations"][0]["question"] == "For whom"
    assert told["rules"][0]["words"] == "The end can not be before the start"
    assert "situations" not in DEFINITION["form"]["schema"]["properties"]


def test_a_newer_version_takes_over_what_still_fits() -> None:
    newer = changed()
    schema = newer["form"]["schema"]
    schema["properties"]["line9"] = {"type": "string", "format": "text-line", "maxLength": 3}
    schema["properties"]["children"]["items"]["properties"]["amount"] = {"type": "integer"}
    schema["properties"]["region"] = {"type": "integer"}
    del schema["properties"]["line10"]
    schema["required"].remove("line10")
    newer["form"]["layout"] = [entry for entry in newer["form"]["layout"] if entry["field"] != "line10"]
    newer["situations"][0]["options"][1]["label"] = words("somebody else's child")
    new = Form.of(newer)

    answers, dropped = new.carry_over(cleaned(ANSWERS), FORM, TODAY)

    gone = ["/situations/who", "/line10", "/line9", "/region", "/children/0/amount", "/children/1/amount"]
    assert sorted(dropped) == sorted(gone)
    # Name, ID number, age and total are set by the new version itself.
    assert cleaned(ANSWERS).keys() - answers.keys() == {"line9", "line10", "region", "name", "id", "age", "total"}
    assert answers["children"][0] == {"name": "李小明", "born": "2015-03-01", "school": "示例县第一小学"}
    assert set(new.missing(new.clean(answers, PERSON, TODAY), TODAY)) == {"/situations/who", "/line9", "/region"}


def test_nothing_is_lost_when_nothing_changed() -> None:
    answers, dropped = Form.of(long_form()).carry_over(ANSWERS, FORM, TODAY)
    assert dropped == []
    assert FORM.clean(answers, PERSON, TODAY) == cleaned(ANSWERS)


def test_too_many_children_are_kept_for_the_resident_to_choose() -> None:
    fewer = changed()
    fewer["form"]["schema"]["properties"]["children"]["maxItems"] = 1
    answers, dropped = Form.of(fewer).carry_over(ANSWERS, FORM, TODAY)
    assert (len(answers["children"]), dropped) == (2, [])
    assert Form.of(fewer).check(Form.of(fewer).clean(answers, PERSON, TODAY), "zh", TODAY) == {
        "/children": ["children最多1项"]
    }


def test_fields_that_decide_over_each_other_are_refused() -> None:
    circle = changed(
        line1={"shown_when": {"field": "line2", "filled": True}},
        line2={"shown_when": {"field": "line1", "filled": True}},
    )
    with pytest.raises(ValueError, match="circle"):
        Form.of(circle)
