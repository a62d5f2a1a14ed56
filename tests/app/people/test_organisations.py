"""Organisations: whoever is proved to be its legal representative acts for one, and whom they name, as far and as long
as they say."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock, database
from app.people.identities import HANDLER, LEGAL_REPRESENTATIVE, Organisation
from app.people.residents import Person
from auth import acting as acting_rules
from auth import logins, tokens
from auth.devices import Device
from tests.app.people.conftest import somebody, vouched
from tests.auth.conftest import decoded
from tests.product import Phone

Sql = Callable[..., list[Any]]

SERVICE = "food-business-licence"
CODE = "91110000600037341L"


def credit_code() -> str:
    """A valid code of an organisation that nobody else in this run knows (GB 32100-2015)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"91530100{uuid.uuid4().int % 10**9:09}"
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    total = sum(alphabet.index(one) * weight for one, weight in zip(body, weights, strict=True))
    return body + alphabet[(31 - total % 31) % 31]


@pytest.fixture
def log_in(product: Flask) -> Callable[..., Phone]:
    """log_in(Person, organisation=…, level=3): a phone after a login at an e-ID."""

    def logged_in(person: Person, level: int = 3, organisation: Organisation | None = None) -> Phone:
        identity = vouched(person, level, organisation=organisation, provider="enterprise" if organisation else "any")
        with database.work() as work:
            pair = logins._enter_resident(work, identity, Device("phone"))
        return Phone(uuid.UUID(decoded(pair["access_token"])["sub"]), pair, product.test_client())

    return logged_in


class Company:
    """An organisation with its legal representative."""

    def __init__(self, log_in: Callable[..., Phone]) -> None:
        self.code, self.person = credit_code(), somebody("王经理")
        self.boss = log_in(self.person, 3, Organisation("示例食品有限公司", self.code, LEGAL_REPRESENTATIVE))
        [mine] = self.boss.get("/v1/organisations").json["items"]
        self.id = mine["id"]

    def name(self, person: Person, **changes: Any) -> TestResponse:
        """Authorise somebody for a year."""
        wish = {
            "name": person.name,
            "document_number": person.document_number,
            "services": [SERVICE],
            "ends_on": str(clock.today() + timedelta(days=365)),
        }
        return self.boss.post(f"/v1/organisations/{self.id}/handlers", wish | changes)


@pytest.fixture
def company(log_in: Callable[..., Phone]) -> Company:
    return Company(log_in)


def act(phone: Phone, organisation: str | None) -> TestResponse:
    return phone.send("POST", "/v1/sessions/acting-for", json={"organisation": organisation})


def acting(phone: Phone, organisation: str) -> Phone:
    answer = act(phone, organisation)
    assert answer.status_code == 200, answer.text
    return Phone(phone.resident_id, {**phone.tokens, **(answer.json or {})}, phone.client)


# ——— The legal representative. ———


def test_whom_the_e_id_proved_to_be_it_acts_for_the_organisation(company: Company) -> None:
    [mine] = company.boss.get("/v1/organisations").json["items"]

    assert (mine["name"], mine["credit_code"], mine["role"]) == ("示例食品有限公司", company.code, LEGAL_REPRESENTATIVE)
    assert mine["services"] is None and mine["ends_on"] is None
    token = decoded(acting(company.boss, company.id).tokens["access_token"])
    assert (token["org"], token["sub"]) == (company.id, str(company.boss.resident_id)), "actor and principal"


def test_a_new_one_ends_the_former_ones_standing_at_once(company: Company, log_in: Callable[..., Phone]) -> None:
    former = acting(company.boss, company.id)
    assert former.get("/v1/me").status_code == 200

    log_in(somebody("新经理"), 3, Organisation("示例食品有限公司", company.code, LEGAL_REPRESENTATIVE))
    time.sleep(1.1)

    assert former.get("/v1/me").status_code == 401
    renewed = former.client.post("/v1/tokens/refresh", json={"refresh_token": former.tokens["refresh_token"]})
    former.tokens = dict(renewed.json or {})
    assert "org" not in decoded(former.tokens["access_token"])
    assert former.get("/v1/organisations").json["items"] == []
    assert act(former, company.id).status_code == 404


def test_who_is_only_a_handler_by_now_stands_for_it_no_more(company: Company, log_in: Callable[..., Phone]) -> None:
    """Their own e-ID says it; the new representative need not have logged in here."""
    former = acting(company.boss, company.id)

    now = log_in(company.person, 3, Organisation("示例食品有限公司", company.code, HANDLER))
    time.sleep(1.1)

    assert now.get("/v1/organisations").json["items"] == [] and former.get("/v1/me").status_code == 401
    assert company.name(somebody("张伟")).status_code in (401, 404)
    assert act(now, company.id).status_code == 404


def test_what_a_handlers_login_says_of_another_organisation_takes_nothing_away(
    company: Company, log_in: Callable[..., Phone]
) -> None:
    log_in(company.person, 3, Organisation("另一家公司", credit_code(), HANDLER))

    assert [one["id"] for one in company.boss.get("/v1/organisations").json["items"]] == [company.id]


@pytest.mark.parametrize(
    ("level", "organisation"),
    [
        (2, Organisation("某公司", CODE, LEGAL_REPRESENTATIVE)),
        (3, Organisation("某公司", CODE, HANDLER)),
        (3, Organisation("某公司", "91110000600037341X", LEGAL_REPRESENTATIVE)),
        (3, Organisation("某公司", "", LEGAL_REPRESENTATIVE)),
    ],
    ids=["too weak a login", "a handler by the provider's word", "a code whose check fails", "no code"],
)
def test_nobody_else_becomes_it(log_in: Callable[..., Phone], level: int, organisation: Organisation) -> None:
    phone = log_in(somebody(), level, organisation)

    assert phone.get("/v1/organisations").json["items"] == []


def test_the_organisation_keeps_its_id_under_a_new_name(company: Company, log_in: Callable[..., Phone]) -> None:
    again = log_in(company.person, 3, Organisation("改名食品有限公司", company.code, LEGAL_REPRESENTATIVE))

    [mine] = again.get("/v1/organisations").json["items"]
    assert (mine["id"], mine["name"]) == (company.id, "改名食品有限公司")


def test_acting_for_it_ends_with_a_word(company: Company) -> None:
    answer = act(acting(company.boss, company.id), None).json

    assert answer["organisation"] is None and "org" not in decoded(answer["access_token"])


def test_a_refresh_keeps_speaking_for_it(company: Company) -> None:
    phone = acting(company.boss, company.id)

    answer = phone.client.post("/v1/tokens/refresh", json={"refresh_token": phone.tokens["refresh_token"]}).json

    assert decoded(answer["access_token"])["org"] == company.id


def test_what_is_done_in_ones_own_name_is_not_done_while_acting_for_it(company: Company) -> None:
    phone = acting(company.boss, company.id)

    answer = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True})

    assert (answer.status_code, answer.json["code"]) == (409, "acts_for_organisation")


def test_somebody_elses_organisation_is_none(company: Company, log_in: Callable[..., Phone]) -> None:
    stranger = log_in(somebody())

    for organisation in (company.id, str(uuid.uuid4())):
        assert act(stranger, organisation).json["code"] == "organisation_not_found"
        assert stranger.get(f"/v1/organisations/{organisation}/handlers").status_code == 404
        assert stranger.send("DELETE", f"/v1/organisations/{organisation}/handlers/{uuid.uuid4()}").status_code == 404


def test_a_weak_login_of_its_representative_does_not_act_for_it(
    company: Company, product: Flask, make_phone: Callable[..., Phone], sql: Sql
) -> None:
    weak = make_phone(level=2)
    sql("UPDATE representations SET resident_id = %s WHERE organisation_id = %s", weak.resident_id, company.id)

    answer = act(weak, company.id)

    assert (answer.status_code, answer.json["code"], answer.json["required_level"]) == (403, "step_up_required", 3)


# ——— Handlers. ———


def test_a_handler_acts_for_the_named_services_and_as_long_as_said(
    company: Company, log_in: Callable[..., Phone]
) -> None:
    person = somebody("张伟")
    named = company.name(person)
    assert named.status_code == 201, named.text
    assert named.json["document_number"] != person.document_number and named.json["stands"] is True

    handler = log_in(person)

    [mine] = handler.get("/v1/organisations").json["items"]
    assert (mine["id"], mine["role"], mine["services"]) == (company.id, HANDLER, [SERVICE])
    assert date.fromisoformat(mine["ends_on"]) == clock.today() + timedelta(days=365)
    assert decoded(acting(handler, company.id).tokens["access_token"])["org"] == company.id


def test_a_handler_who_was_there_before_is_found_by_number_and_name(
    company: Company, log_in: Callable[..., Phone]
) -> None:
    person, namesake = somebody("张伟"), somebody("张伟")
    handler, other = log_in(person), log_in(namesake)
    company.name(person)

    assert len(handler.get("/v1/organisations").json["items"]) == 1
    assert other.get("/v1/organisations").json["items"] == []


def test_the_right_number_under_another_name_is_not_the_handler(company: Company, log_in: Callable[..., Phone]) -> None:
    person = somebody("张伟")
    company.name(person, name="张薇")

    assert log_in(person).get("/v1/organisations").json["items"] == []


def test_revoking_counts_at_once(company: Company, log_in: Callable[..., Phone]) -> None:
    person = somebody("张伟")
    named = company.name(person).json
    handler = acting(log_in(person), company.id)
    assert handler.get("/v1/me").status_code == 200

    gone = company.boss.send("DELETE", f"/v1/organisations/{company.id}/handlers/{named['id']}")
    assert gone.status_code == 204
    time.sleep(1.1)

    assert handler.get("/v1/me").status_code == 401, "the token that names the organisation is dead"
    answer = handler.client.post("/v1/tokens/refresh", json={"refresh_token": handler.tokens["refresh_token"]}).json
    assert "org" not in decoded(answer["access_token"]), "and the person goes on as themselves"
    again = company.boss.send("DELETE", f"/v1/organisations/{company.id}/handlers/{named['id']}")
    assert (again.status_code, again.json["code"]) == (404, "authorisation_not_found")


def test_revoking_ends_a_token_too_whose_session_speaks_for_its_person_again(
    company: Company, log_in: Callable[..., Phone]
) -> None:
    person = somebody("张伟")
    named = company.name(person).json
    kept = acting(log_in(person), company.id)
    act(kept, None)

    company.boss.send("DELETE", f"/v1/organisations/{company.id}/handlers/{named['id']}")
    time.sleep(1.1)

    assert kept.get("/v1/me").status_code == 401


def test_who_asks_to_act_while_the_authority_is_taken_away_gets_nothing(
    company: Company, log_in: Callable[..., Phone]
) -> None:
    """Of two at once the later one waits and then sees what the first one did."""
    person = somebody("张伟")
    named = company.name(person).json
    handler = log_in(person)
    boss = tokens.resident_of(company.boss.tokens["access_token"])

    with ThreadPoolExecutor(1) as pool:
        with database.work() as work:
            acting_rules.revoke(work, boss, uuid.UUID(company.id), uuid.UUID(named["id"]))
            asked = pool.submit(act, handler, company.id)
            time.sleep(0.5)
        answer = asked.result(60)

    assert (answer.status_code, answer.json["code"]) == (404, "organisation_not_found")


def test_a_handler_lays_it_down_themselves(company: Company, log_in: Callable[..., Phone]) -> None:
    person = somebody("张伟")
    named = company.name(person).json
    handler = acting(log_in(person), company.id)

    assert handler.send("DELETE", f"/v1/organisations/{company.id}/handlers/{named['id']}").status_code == 204

    [told] = company.boss.get(f"/v1/organisations/{company.id}/handlers").json["items"]
    assert told["stands"] is False and told["revoked_at"]


def test_the_period_ends_by_itself(company: Company, log_in: Callable[..., Phone]) -> None:
    person = somebody("张伟")
    company.name(person, ends_on=str(clock.today() + timedelta(days=2)))
    handler = acting(log_in(person), company.id)

    with clock.moved(timedelta(days=3)):
        assert handler.get("/v1/organisations").json["items"] == []
        answer = handler.client.post("/v1/tokens/refresh", json={"refresh_token": handler.tokens["refresh_token"]})
        assert "org" not in decoded(answer.json["access_token"])


def test_it_begins_on_its_day(company: Company, log_in: Callable[..., Phone]) -> None:
    person = somebody("张伟")
    company.name(person, starts_on=str(clock.today() + timedelta(days=2)))
    handler = log_in(person)

    assert act(handler, company.id).status_code == 404
    with clock.moved(timedelta(days=2)):
        assert act(handler, company.id).status_code == 200


def test_a_handler_cannot_pass_it_on(company: Company, log_in: Callable[..., Phone]) -> None:
    """民法典 第一百六十九条: 代理人需要转委托第三人代理的，应当取得被代理人的同意或者追认."""
    person = somebody("张伟")
    company.name(person)
    handler = log_in(person)
    wish = {"name": "李四", "document_number": "E12345678", "services": [SERVICE], "ends_on": str(clock.today())}

    answer = handler.post(f"/v1/organisations/{company.id}/handlers", wish)

    assert (answer.status_code, answer.json["code"]) == (403, "not_legal_representative")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"services": []}, "/services"),
        ({"services": ["no-such-service"]}, "/services/0"),
        ({"ends_on": "2020-01-01"}, "/ends_on"),
        ({"ends_on": "2099-01-01"}, "/ends_on"),
        ({"ends_on": None}, "/ends_on"),
        ({"starts_on": "2020-01-01"}, "/starts_on"),
        ({"document_number": "    -"}, "/document_number"),
        ({"name": ""}, "/name"),
    ],
)
def test_agent_services_and_period_are_all_named(company: Company, changes: dict[str, Any], pointer: str) -> None:
    answer = company.name(somebody("张伟"), **changes)

    assert answer.status_code == 422, answer.text
    assert pointer in answer.json["errors"]


def test_nobody_authorises_themselves(company: Company) -> None:
    assert "/document_number" in company.name(company.person).json["errors"]


def test_authorising_needs_a_login_of_just_now(company: Company) -> None:
    with clock.moved(timedelta(minutes=16)):
        answer = company.name(somebody("张伟"))

    assert (answer.status_code, answer.json["code"]) == (403, "step_up_required")


def test_handlers_are_sealed(company: Company, sql: Sql) -> None:
    person = somebody("赵经办")
    company.name(person)

    [row] = sql("SELECT authorisations::text AS text FROM authorisations WHERE organisation_id = %s", company.id)
    for secret in (person.name, person.document_number):
        assert secret not in row["text"] and secret.encode().hex() not in row["text"]


def test_closing_the_account_ends_it(company: Company, log_in: Callable[..., Phone]) -> None:
    assert company.boss.post("/v1/erasures").status_code == 202

    assert log_in(somebody()).get("/v1/organisations").json["items"] == []
