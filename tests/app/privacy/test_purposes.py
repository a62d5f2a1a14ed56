"""Purposes: every field says what for, and a consent covers exactly what it was given to."""

from __future__ import annotations

from typing import Any

import pytest

from app.catalogue.services import ServiceVersion
from app.privacy import purposes
from tests.app.privacy.conftest import VISITORS, Publish, published_with_the_program, purpose

FILES = published_with_the_program()


def service_of(definition: dict[str, Any], **changes: Any) -> ServiceVersion:
    return ServiceVersion(definition["code"], definition["version"], definition | changes)


@pytest.mark.parametrize("definition", FILES, ids=lambda definition: definition["code"])
def test_every_field_of_every_service_says_what_it_is_for(definition: dict[str, Any]) -> None:
    """PIPL art. 6: 处理个人信息应当具有明确、合理的目的."""
    assert purposes.faults(service_of(definition)) == []


def test_a_field_without_a_purpose_is_found(definition: dict[str, Any]) -> None:
    definition["form"]["layout"][0]["purpose"] = {"zh": "", "en": "for fun"}

    assert purposes.faults(service_of(definition)) == [
        f"{definition['code']}: the form field hobby says no purpose in zh"
    ]


def test_a_field_the_layout_forgot_is_found(definition: dict[str, Any]) -> None:
    del definition["form"]["layout"][1]

    assert len(purposes.faults(service_of(definition))) == 2


def test_a_purpose_for_a_field_that_is_not_there_and_a_basis_that_is_none_are_found(definition: dict[str, Any]) -> None:
    processing = {"purposes": [purpose("visits", "address", basis="curiosity")]}

    found = purposes.faults(service_of(definition, processing=processing))

    assert [fault.split(": ")[1] for fault in found] == [
        "visits takes address, which the form has not",
        "curiosity is no legal basis of PIPL art. 13",
    ]


def test_situations_groups_and_what_is_in_them_are_kinds_of_their_own() -> None:
    (subsistence,) = (one for one in FILES if one["code"] == "subsistence-allowance")

    (handling,) = purposes.of(service_of(subsistence))

    told = {kind["code"]: kind for kind in handling.part["kinds"]}
    assert {"situations/hardships", "members", "members/document_number", "members/income"} <= told.keys()
    assert told["members/document_number"]["sensitive"] and told["situations/hardships"]["sensitive"]
    assert told["situations/hardships"]["label"]["zh"] == "家里难在哪里？"


def test_a_purpose_that_takes_a_group_takes_everything_in_it() -> None:
    (subsistence,) = (one for one in FILES if one["code"] == "subsistence-allowance")
    apart = service_of(subsistence, version=2, processing={"purposes": [purpose("family", "members")]})

    handling, family = purposes.of(apart)

    assert "members" in family.fields and "members/income" in family.fields
    assert not handling.fields & family.fields


def test_without_a_word_about_it_a_service_rests_on_the_statutory_duty(publish: Publish) -> None:
    """PIPL art. 13: 有前款第二项至第七项规定情形的，不需取得个人同意."""
    (handling,) = purposes.of(publish())

    assert (handling.code, handling.basis, handling.required, handling.consents) == (
        "handling",
        "statutory_duty",
        True,
        (),
    )
    assert handling.fields == {"hobby", "illness"}


def test_sensitive_data_and_sharing_ask_for_consents_of_their_own(publish: Publish) -> None:
    """PIPL art. 29: 处理敏感个人信息应当取得个人的单独同意; art. 23: 向其他个人信息处理者提供 … 取得个人的单独同意."""
    asked = [
        purpose("plain", "hobby"),
        purpose("sensitive", "illness"),
        purpose("shared", "hobby", recipients=VISITORS),
        purpose("all", "hobby", "illness", recipients=VISITORS),
    ]

    told = purposes.of(publish(processing={"purposes": asked}))[1:]

    assert [one.consents for one in told] == [
        ("processing",),
        ("sensitive",),
        ("processing", "sharing"),
        ("processing", "sensitive", "sharing"),
    ]


CHANGES: dict[str, dict[str, Any]] = {
    "another purpose": {"name": {"zh": "广告", "en": "advertising"}},
    "another kind": {"fields": ["illness", "hobby"]},
    "another recipient": {"recipients": VISITORS},
    "another method": {"method": {"zh": "画像", "en": "profiling"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_processing_changes_the_scope(definition: dict[str, Any], change: str) -> None:
    """PIPL art. 14: 个人信息的处理目的、处理方式和处理的个人信息种类发生变更的，应当重新取得个人同意."""
    before = purpose("visits", "illness")
    versions = (
        service_of(definition, version=1, processing={"purposes": [before]}),
        ServiceVersion(definition["code"], 2, definition | {"processing": {"purposes": [before | CHANGES[change]]}}),
    )

    old, new = (purposes.of(service)[1] for service in versions)

    assert old.scope != new.scope


def test_other_words_leave_the_scope_as_it_is(definition: dict[str, Any]) -> None:
    asked = {"purposes": [purpose("visits", "illness", required=False)]}
    words = {"zh": "停止", "en": "stops"}
    reworded = {"purposes": [purpose("visits", "illness", required=False, after_withdrawal=words)]}

    old = purposes.of(service_of(definition, processing=asked))[1]
    new = purposes.of(ServiceVersion(definition["code"], 2, definition | {"processing": reworded}))[1]

    assert old.scope == new.scope
