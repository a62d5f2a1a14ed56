"""A phone that judges answers with ajv comes to the server's verdict on the forms it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.catalogue.forms import Form
from app.catalogue.persons import Person
from tests.app.catalogue.random_forms import answers_to, definitions, patient
from tests.app.catalogue.reference import ReferencePhone

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def phone(tools: Path) -> Iterator[ReferencePhone]:
    with ReferencePhone(ajv=tools / "node_modules" / "ajv" / "dist" / "2020.js") as running:
        yield running


@patient(100)
@given(data=st.data())
def test_complete_on_the_phone_is_complete_on_the_server(phone: ReferencePhone, data: st.DataObject) -> None:
    definition, kinds = data.draw(definitions())
    form, today = Form.of(definition), clock.today()
    answers = data.draw(answers_to(definition, kinds))

    judged = phone.ask(request(form, answers, today))

    complete = judged["accepted"] and not judged["missing"] and not judged["broken"]
    assert complete == (form.check(form.clean(answers, Person(), today), "zh", today) == {})


def request(form: Form, answers: dict[str, object], today: date) -> dict[str, object]:
    told = json.loads(json.dumps(form.for_client("zh")))
    return {"form": told, "answers": answers, "person": {}, "today": today.isoformat()}
