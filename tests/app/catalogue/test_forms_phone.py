"""What a phone is told of a form leads it to the same answers, faults and hidden fields as the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.catalogue.form_definitions import form_faults
from app.catalogue.formats import FORMATS
from app.catalogue.forms import Form
from app.catalogue.persons import SOURCES, Person
from app.catalogue.shapes import PATTERNS
from tests.app.catalogue.random_forms import CITIZEN_IDS, TODAY, answers_to, definitions, patient
from tests.app.catalogue.reference import ReferencePhone

PERSONS = st.builds(
    Person,
    name=st.none() | st.sampled_from(["王桂兰", "阿依古丽·买买提"]),
    document_number=st.none() | st.sampled_from([*CITIZEN_IDS, "E12345678"]),
    phone=st.none() | st.just("13812345678"),
)
SHAPED = {name: st.from_regex(pattern, fullmatch=True) for name, pattern in PATTERNS.items()}


@pytest.fixture(scope="module")
def phone() -> Iterator[ReferencePhone]:
    with ReferencePhone() as running:
        yield running


def alike(answers: Any) -> Any:
    """JSON as any reader sees it: 5.0 is 5."""
    if isinstance(answers, dict):
        return {key: alike(value) for key, value in answers.items()}
    if isinstance(answers, list):
        return [alike(value) for value in answers]
    return int(answers) if isinstance(answers, float) and answers.is_integer() else answers


@patient(200)
@given(data=st.data())
def test_phone_and_server_agree_on_random_forms(phone: ReferencePhone, data: st.DataObject) -> None:
    definition, kinds = data.draw(definitions())
    form = Form.of(definition)
    answers, person = data.draw(answers_to(definition, kinds)), data.draw(PERSONS)

    known = {source: person.known(source, TODAY) for source in SOURCES}
    told = json.loads(json.dumps(form.for_client("zh")))
    judged = phone.ask({"form": told, "answers": answers, "person": known, "today": TODAY.isoformat()})

    cleaned = form.clean(answers, person, TODAY)
    # Through text, so that true and 1 are not taken for the same.
    assert json.dumps(alike(judged["answers"]), sort_keys=True) == json.dumps(alike(cleaned), sort_keys=True)
    assert sorted(judged["visible"]) == sorted(form.visible(cleaned, TODAY))
    assert sorted(judged["missing"]) == sorted(form.missing(cleaned, TODAY))
    faults = form.check(cleaned, "zh", TODAY)
    codes = [rule["code"] for rule in definition["form"]["rules"]]
    broken = {(code, pointer) for pointer, words in faults.items() for code in codes if code in words}
    assert {tuple(pair) for pair in judged["broken"]} == broken
    assert set(judged["missing"]) <= faults.keys()


@patient(60)
@given(data=st.data())
def test_cleaning_twice_changes_nothing(data: st.DataObject) -> None:
    definition, kinds = data.draw(definitions())
    form, person = Form.of(definition), data.draw(PERSONS)
    once = form.clean(data.draw(answers_to(definition, kinds)), person, TODAY)
    assert form.clean(once, person, TODAY) == once


@patient(60)
@given(data=st.data())
def test_random_forms_would_be_published(data: st.DataObject) -> None:
    definition, _ = data.draw(definitions())
    # Their layout offers no options, because nobody reads it.
    told = [
        words
        for words in form_faults(definition, "en").values()
        if words != ["The options must be exactly the enum of the schema"]
    ]
    assert told == []


@patient(60)
@given(data=st.data())
def test_what_is_carried_over_is_right_in_the_newer_form(data: st.DataObject) -> None:
    old_definition, kinds = data.draw(definitions())
    old, new = Form.of(old_definition), Form.of(data.draw(definitions())[0])
    answers = data.draw(answers_to(old_definition, kinds))
    carried, dropped = new.carry_over(answers, old, TODAY)
    told = [error.kind.name for error in new.validator.iter_errors(carried)]
    assert set(told) <= {"required", "minItems", "maxItems"}
    assert len(dropped) == len(set(dropped))


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - PATTERNS.keys()))
@patient(100)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(CITIZEN_IDS)
    | st.text("0123456789X-ABH", min_size=6)
)
def test_a_format_means_the_same_on_the_phone(phone: ReferencePhone, name: str, text: str) -> None:
    today = clock.today().isoformat()
    assert phone.ask({"format": name, "text": text, "today": today}) == FORMATS[name](text)


@pytest.mark.parametrize(
    "born",
    [clock.today() - timedelta(days=1), clock.today(), clock.today() + timedelta(days=1)],
    ids=["past", "today", "future"],
)
def test_days_to_come_are_the_same_on_the_phone(phone: ReferencePhone, born: Any) -> None:
    request = {"format": "past-date", "text": born.isoformat(), "today": clock.today().isoformat()}
    assert phone.ask(request) == FORMATS["past-date"](born.isoformat()) == (born <= clock.today())
