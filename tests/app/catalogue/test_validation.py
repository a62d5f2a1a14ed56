"""Validation: a broken definition never reaches residents, and says file, line, path and why."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.catalogue import definition_files, validation
from app.catalogue.checks import most_calendar_days
from app.catalogue.validation import Surroundings
from app.catalogue.working_days import Calendar, add_working_days
from app.seeds import _DEFINITIONS

AROUND = Surroundings(frozenset({"gongan", "minzheng", "gjj"}), frozenset({"532999", "530000"}))
EXAMPLE = Path(__file__).parents[3] / "docs" / "recipes" / "definition.example.yaml"
OWN = sorted(path for path in _DEFINITIONS.glob("*.yaml") if path.name != "departments.yaml")

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def example() -> dict[str, Any]:
    """The commented example, which says everything that a definition can say."""
    data, _, faults = definition_files.read(EXAMPLE)
    assert faults == []
    return copy.deepcopy(dict(data))


def told(definition: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in validation.faults(definition, AROUND)]


@pytest.mark.parametrize("path", [EXAMPLE, *OWN], ids=lambda path: path.name)
def test_the_example_and_the_definitions_of_the_program_are_sound(path: Path) -> None:
    around = AROUND if path == EXAMPLE else Surroundings()

    assert definition_files.validate(path, around)[1] == []


def test_the_example_says_everything_that_the_schema_knows(example: dict[str, Any]) -> None:
    schema = yaml.safe_load((_DEFINITIONS.parent / "definition.schema.yaml").read_text(encoding="utf-8"))
    commented = {"automatic", "commitment", "partners", "intermediaries", "data_source"}

    assert schema["properties"].keys() - example.keys() == commented
    assert all(name in EXAMPLE.read_text(encoding="utf-8") for name in commented)


BROKEN: dict[str, tuple[Change, tuple[str, str]]] = {
    "promised longer than legal": (
        lambda d: d["limits"].update(promised={"value": 11, "unit": "working_day"}),
        ("/limits/promised", "promised_longer"),
    ),
    "promised longer in another unit": (
        lambda d: d["limits"]["legal"].update(value=10, unit="calendar_day"),
        ("/limits/promised", "promised_longer"),
    ),
    "a part promised longer than legal": (
        lambda d: d["joint"]["children"][0]["limits"].update(legal={**d["limits"]["legal"], "value": 1}),
        ("/joint/children/0/limits/promised", "promised_longer"),
    ),
    "half a calendar day": (
        lambda d: d["limits"].update(promised={"value": 0.5, "unit": "calendar_day"}),
        ("/limits/promised/value", "half_calendar_day"),
    ),
    "a third of a working day": (
        lambda d: d["limits"].update(promised={"value": 0.3, "unit": "working_day"}),
        ("/limits/promised/value", "multipleOf"),
    ),
    "corrections that lapse without a basis": (
        lambda d: d["corrections"].pop("basis"),
        ("/corrections/basis", "required"),
    ),
    "more than a day on the spot": (lambda d: d.update(case_type=1), ("/limits/promised/value", "on_the_spot")),
    "a field outside the guide's materials": (
        lambda d: d["form"]["layout"][1].update(widget="upload"),
        ("/form/layout/1/field", "outside_the_guide"),
    ),
    "a commitment that is no field of the form": (
        lambda d: d.update(
            commitment={"field": "cat_name", "basis": {"zh": "某条例第四条", "en": "Some rules, art. 4"}}
        ),
        ("/commitment/field", "commitment"),
    ),
    "a field that is nowhere laid out": (lambda d: d["form"]["layout"].pop(), ("/form/layout", "form")),
    "a laid out field that is none": (
        lambda d: d["form"]["layout"][0].update(field="cat_name"),
        ("/form/layout/0/field", "form"),
    ),
    "no purpose": (lambda d: d["form"]["layout"][0].pop("purpose"), ("/form/layout/0/purpose", "form")),
    "no sensitivity": (lambda d: d["form"]["layout"][0].pop("sensitive"), ("/form/layout/0/sensitive", "form")),
    "an unknown field in a condition": (
        lambda d: d["fees"]["items"][0].update(when={"field": "cat_name", "values": ["x"]}),
        ("/fees/items/0/when/field", "unknown_name"),
    ),
    "an unknown situation in a condition": (
        lambda d: d["fees"]["items"][0].update(when={"any": [{"situation": "cat", "values": ["x"]}]}),
        ("/fees/items/0/when/any/0/situation", "unknown_name"),
    ),
    "an unknown option in a condition": (
        lambda d: d["materials"][1].update(needed_when={"situation": "dog_kind", "values": ["wolf"]}),
        ("/materials/1/needed_when/values", "unknown_option"),
    ),
    "an edge to nowhere": (
        lambda d: d["flow"]["edges"][0].update(to="nowhere"),
        ("/flow/edges/0/to", "no_such_node"),
    ),
    "a node that no way leads over": (lambda d: d["flow"]["edges"].pop(), ("/flow/nodes/3", "stray")),
    "two starts": (lambda d: d["flow"]["nodes"][1].update(kind="start"), ("/flow/nodes", "start_and_end")),
    "parts that wait for each other": (
        lambda d: d["joint"]["children"][0].update(after=["card"]),
        ("/joint/children/0/after", "circle"),
    ),
    "a material that nobody gets": (
        lambda d: d["joint"]["children"][1].update(materials=["vaccination"]),
        ("/joint/children", "nobody_gets_it"),
    ),
    "an unknown department": (lambda d: d.update(department="gengan"), ("/department", "department_unknown")),
    "an unknown region": (lambda d: d.update(region="999999"), ("/region", "region_unknown")),
    "a code that is no code": (lambda d: d.update(topic_codes=["dogs"]), ("/topic_codes/0", "unknown_name")),
    "a level that A.2 does not know": (lambda d: d.update(level=8), ("/level", "enum")),
    "an item type that A.1 does not know": (lambda d: d.update(item_type="11"), ("/item_type", "enum")),
    "it ends before it begins": (
        lambda d: d.update(effective={"from": "2026-02-01", "until": "2026-01-01"}),
        ("/effective/until", "dates"),
    ),
    "a day that never was": (lambda d: d.update(effective={"from": "2026-02-30"}), ("/effective/from", "format")),
    "charged without an amount": (lambda d: d["fees"].pop("items"), ("/fees/items", "no_amount")),
    "minors without a guardian": (
        lambda d: d["applicants"].pop("guardian"),
        ("/applicants/guardian", "guardian"),
    ),
    "enterprises that are no applicants": (lambda d: d.update(targets=[1, 2]), ("/applicants/kinds", "targets")),
    "a keyword that forms do not use": (
        lambda d: d["form"]["schema"].update(patternProperties={}),
        ("/form/schema/patternProperties", "form"),
    ),
    "a schema that refers to itself": (
        lambda d: d["form"]["schema"].update({"$defs": {"a": {"$ref": "#/$defs/a"}}}),
        ("/form/schema", "form"),
    ),
    "a misspelt item": (lambda d: d.update(fee={}), ("/fee", "additionalProperties")),
    "something missing": (lambda d: d.pop("legal_bases"), ("/legal_bases", "required")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_of_these_is_refused_at_its_place(name: str, example: dict[str, Any]) -> None:
    change, fault = BROKEN[name]
    change(example)

    assert fault in told(example)


@pytest.mark.parametrize("nonsense", [None, [], "text", 7, {}, {"form": []}, {"form": {"schema": 1, "layout": {}}}])
def test_nonsense_is_refused_and_never_an_accident(nonsense: Any) -> None:
    assert told(nonsense)


def test_depth_and_size_are_bounded(example: dict[str, Any]) -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"properties": {"a": deep}}
    example["form"]["schema"]["properties"]["deep"] = deep
    huge = copy.deepcopy(EXAMPLE.read_text(encoding="utf-8")) + "#" * definition_files.LARGEST_FILE

    assert told(example)[0][0] == ""
    assert definition_files.parse(huge, "huge.yaml")[2][0].fault.code == "too_large"


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("code: a\nname: [\n", 3, "not_yaml"),
        ("code: a\nversion: 1\ncode: b\n", 3, "twice"),
        ("a: &x [1]\nb: *x\n", 1, "alias"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "alias"),
        ("a: 1\n? [b, c]\n: 2\n", 2, "key"),
        ("a: " + "[" * 60 + "]" * 60, 1, "too_deep"),
        ("a: " + "[" * 100_000, 1, "too_deep"),
        ("a: 1\nb: \x00\n", 1, "not_yaml"),
    ],
)
def test_what_is_no_plain_yaml_says_its_line(text: str, line: int, code: str) -> None:
    data, _, faults = definition_files.parse(text, "service.yaml")

    assert (data, faults[0].line, faults[0].fault.code) == (None, line, code)


def test_a_fault_is_told_with_file_line_path_and_reason_in_both_languages(tmp_path: Path) -> None:
    path = tmp_path / "dogs.yaml"
    text = EXAMPLE.read_text(encoding="utf-8").replace("promised: {value: 5,", "promised: {value: 50,")
    path.write_text(text, encoding="utf-8")
    line = next(number for number, content in enumerate(text.splitlines(), 1) if "promised: {value: 50" in content)

    definition, faults = definition_files.validate(path, AROUND)

    assert definition is None
    assert faults[0].told("en").startswith(f"{path}:{line}: /limits/promised: promised (50 working_day)")
    assert faults[0].told("zh").startswith(f"{path}:{line}: /limits/promised: 承诺时限（50 working_day）")


def test_what_is_written_as_a_file_is_read_back_as_it_was(example: dict[str, Any]) -> None:
    assert definition_files.parse(definition_files.dump(example), "again.yaml")[0] == example


def test_the_safe_side_of_working_days_holds_for_every_day_of_the_published_years() -> None:
    calendar = Calendar.load()
    for start in (date(2025, 1, 1) + timedelta(days=n) for n in range(0, 640)):
        for days in (1, 4, 5, 7, 15, 20, 45, 90, 200):
            due = add_working_days(calendar, start, days)
            if not due.provisional:
                assert (due.date - start).days <= most_calendar_days(days), (start, days)
