"""Messages: every step has words in both languages, and every field fits what WeChat takes for its type."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identifiers import new_reference
from app.submissions.steps import STEPS
from notifications import messages
from notifications.messages import Facts

LANGUAGES = ("zh", "en")
# The limits of subscribeMessage.send by the type in a field's name (domain-facts §1.4).
LIMITS = {
    "thing": re.compile(r".{1,20}", re.DOTALL),
    "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
    "character_string": re.compile(r"[!-~]{1,32}"),
    "time": re.compile(r"\d{4}年\d{1,2}月\d{1,2}日 \d{2}:\d{2}"),
}


def facts(step: str = "receive", **changes: str) -> Facts:
    told = {
        "service": "居住证申领",
        "reference": new_reference(date(2026, 11, 22)),
        "unit": "公安局",
        "acceptance": "2026-11-27",
        "decision": "2026-12-18",
        "opinion": "材料不齐",
        "at": "2026年11月22日 10:05",
    }
    return Facts(step=step, **(told | changes))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_words(step: str, language: str) -> None:
    assert messages.title(step, language)

    text = messages.text(facts(step), language)

    assert "居住证申领" in text
    assert "{" not in text and "None" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", ["decline", "refuse"])
def test_a_no_gives_its_reason_or_says_where_it_stands(step: str, language: str) -> None:
    assert "材料不齐" in messages.text(facts(step), language)

    assert messages.text(facts(step, opinion=""), language).rstrip("。.")[-1] not in "：:"


def test_what_an_office_writes_is_not_read_as_a_template() -> None:
    assert "{unit}" in messages.text(facts("refuse", opinion="{unit}"), "zh")


@given(
    step=st.sampled_from(sorted(STEPS)),
    service=st.text(min_size=1, max_size=200).filter(str.strip),
    filing_day=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),
)
def test_every_field_fits_its_type(step: str, service: str, filing_day: date, at: datetime) -> None:
    told = facts(step, service=service, reference=new_reference(filing_day), at=f"{at:%Y年%-m月%-d日 %H:%M}")

    fields = messages.wechat_fields(told)

    for name, field in fields.items():
        assert LIMITS[name.rstrip("0123456789")].fullmatch(field["value"]), (name, field)
    assert set(fields) == {"thing1", "character_string2", "phrase3", "time4", "thing5"}


@given(service=st.text(min_size=1, max_size=60))
def test_a_name_is_cut_only_when_it_must_be(service: str) -> None:
    shown = messages.wechat_fields(facts(service=service))["thing1"]["value"]

    if len(service) <= 20:
        assert shown == service
    else:
        assert shown.endswith("…") and service.startswith(shown[:-1]) and len(shown) == 20


def test_no_message_names_the_applicant() -> None:
    assert not {"name", "applicant", "phone", "document_number"} & set(Facts.__dataclass_fields__)
