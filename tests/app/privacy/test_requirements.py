"""Filing: refused with exactly what is missing, and never for want of what is optional."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app import clock, database
from app.people import residents
from app.people.residents import Person
from app.privacy import purposes
from app.submissions import drafts, submissions
from approvals import handover
from auth import sessions
from tests.app.privacy.conftest import VISITORS, Publish, purpose
from tests.app.privacy.test_consents import number_of
from tests.product import Phone

Sql = Callable[..., list[Any]]
Answers = dict[str, Any]

VISITS = purpose("visits", "illness", recipients=VISITORS)
ILL = {"illness": "风湿"}


def file(phone: Phone, code: str, answers: Answers | None = None, shown: Any = ()) -> Any:
    """File at once."""
    wish = {"service": code, "answers": answers or {}, "submit": True, "notices": list(shown)}
    return phone.post("/v1/submissions", wish)


def agree(phone: Phone, code: str, name: str, kind: str, version: int = 1) -> Any:
    wish = {"notice": purposes.notice_code(code), "version": version, "purpose": name, "kind": kind}
    given = phone.post("/v1/consents", wish)
    assert given.status_code == 201, given.text
    return given.json


def lacking(refused: Any) -> list[tuple[str, str]]:
    assert (refused.status_code, refused.json["code"]) == (422, "consent_required"), refused.text
    return [(one["purpose"], one["kind"]) for one in refused.json["consents"]]


def test_what_was_shown_is_recorded_with_the_filing(phone: Phone, publish: Publish, sql: Sql) -> None:
    """PIPL art. 17: which version of the notice the person was shown can be proved."""
    code = publish().code
    phone.headers["User-Agent"] = "OnePhone/3.1"
    told = [{"code": purposes.notice_code(code), "version": 1}, {"code": "general", "version": 1}]

    receipt = file(phone, code, shown=[*told, told[0]])

    assert receipt.status_code == 201, receipt.text
    items = phone.get("/v1/acknowledgements").json["items"]
    assert sorted(one["notice"]["code"] for one in items) == ["general", purposes.notice_code(code)]
    assert {(one["submission"], one["method"], one["device"]) for one in items} == {
        (receipt.json["id"], "filing", "OnePhone/3.1")
    }
    assert {one["notice"]["sha256"] for one in items} == {
        row["content_sha256"]
        for row in sql("SELECT content_sha256 FROM notices WHERE code = ANY(%s)", [one["code"] for one in told])
    }


def test_a_draft_is_filed_with_and_without_a_body(phone: Phone, publish: Publish) -> None:
    code = publish().code
    told = {"notices": [{"code": purposes.notice_code(code), "version": 1}]}

    plain = phone.post(f"/v1/submissions/{phone.start(code)['id']}/submit")
    telling = phone.post(f"/v1/submissions/{phone.start(code)['id']}/submit", told)

    assert (plain.status_code, telling.status_code) == (200, 200), telling.text
    assert len(phone.get("/v1/acknowledgements").json["items"]) == 1


def test_a_notice_that_never_was_can_not_have_been_shown(phone: Phone, publish: Publish, sql: Sql) -> None:
    code = publish().code
    shown = [{"code": "general", "version": 1}, {"code": purposes.notice_code(code), "version": 7}]

    refused = file(phone, code, shown=shown)

    assert (refused.status_code, list(refused.json["errors"])) == (422, ["/notices/1"])
    assert phone.get("/v1/acknowledgements").json["items"] == phone.get("/v1/submissions").json["items"] == []


def test_the_statutory_duty_asks_for_nothing(phone: Phone, publish: Publish) -> None:
    """PIPL art. 35: 应当依照本法规定履行告知义务. An old client that tells of no notice is not refused for it."""
    assert file(phone, publish().code, ILL).status_code == 201


def test_a_notice_that_is_required_must_have_been_seen(phone: Phone, publish: Publish) -> None:
    code = publish(processing={"notice": "required"}).code
    told = {"code": purposes.notice_code(code), "version": 1}

    refused = file(phone, code)

    assert (refused.status_code, refused.json["code"]) == (422, "notice_unseen")
    assert refused.json["notices"] == [told]
    assert file(phone, code, shown=[told]).status_code == 201


def test_who_read_it_before_need_not_say_so_again(phone: Phone, make_phone: Any, publish: Publish) -> None:
    code = publish(processing={"notice": "required"}).code
    draft = phone.start(code)
    path, pointer = f"/v1/submissions/{draft['id']}", f"/notices/{purposes.notice_code(code)}"
    assert list(draft["missing"]) == [pointer]
    assert phone.post(f"{path}/submit").json["code"] == "notice_unseen"
    assert phone.get(path).json == draft, "the draft is untouched"

    told = {"notices": [{"code": purposes.notice_code(code), "version": 1}]}
    assert phone.post("/v1/acknowledgements", told).status_code == 201

    assert phone.get(path).json["missing"] == {}
    assert phone.post(f"{path}/submit").status_code == 200
    assert file(make_phone(), code).json["code"] == "notice_unseen", "what I read nobody else has read"


def test_an_older_version_does_not_do(phone: Phone, publish: Publish, sql: Sql) -> None:
    code = publish(processing={"notice": "required"}).code
    first = {"code": purposes.notice_code(code), "version": 1}
    sql(
        "INSERT INTO notices (code, version, service_code, service_version, content, content_sha256, scopes)"
        " SELECT code, 2, service_code, service_version, content, 'other', scopes FROM notices WHERE code = %s",
        first["code"],
    )

    refused = file(phone, code, shown=[first])

    assert refused.json["notices"] == [first | {"version": 2}]
    assert file(phone, code, shown=[first | {"version": 2}]).status_code == 201


def test_a_service_that_rests_on_consent_is_refused_with_a_list_of_all_it_lacks(phone: Phone, publish: Publish) -> None:
    """PIPL art. 13(1), 23, 29: the handling itself, its sensitive data, and giving them to the office."""
    code = publish(processing={"basis": "consent", "notice": "required"}).code
    draft = phone.start(code)
    path = f"/v1/submissions/{draft['id']}"

    refused = phone.post(f"{path}/submit")

    assert lacking(refused) == [("handling", kind) for kind in ("processing", "sensitive", "sharing")]
    assert [one["required"] for one in refused.json["consents"]] == [True] * 3
    assert refused.json["notices"] == [{"code": purposes.notice_code(code), "version": 1}]
    assert {one["notice"] for one in refused.json["consents"]} == {purposes.notice_code(code)}
    after = phone.get(path).json
    assert (after["state"], after["revision"]) == ("draft", draft["revision"])

    for kind in ("processing", "sensitive"):
        agree(phone, code, "handling", kind)
    assert lacking(phone.post(f"{path}/submit")) == [("handling", "sharing")]
    agree(phone, code, "handling", "sharing")
    shown = {"notices": refused.json["notices"]}
    assert phone.post(f"{path}/submit", shown).status_code == 200


def test_nobody_is_refused_for_leaving_out_what_is_optional(phone: Phone, publish: Publish) -> None:
    """PIPL art. 16: 不得以个人不同意处理其个人信息或者撤回同意为由，拒绝提供产品或者服务."""
    code = publish(processing={"purposes": [VISITS]}).code

    assert file(phone, code).status_code == 201
    assert file(phone, code, {"hobby": "下棋"}).status_code == 201


def test_filling_in_what_is_optional_is_no_consent_to_it(phone: Phone, publish: Publish) -> None:
    """PIPL art. 29: 单独同意. The answer names the fields to leave out for who does not agree."""
    code = publish(processing={"purposes": [VISITS]}).code

    refused = file(phone, code, ILL)

    assert lacking(refused) == [("visits", "sensitive"), ("visits", "sharing")]
    assert [(one["required"], one["fields"]) for one in refused.json["consents"]] == [(False, ["illness"])] * 2
    assert ILL["illness"] not in refused.text
    agree(phone, code, "visits", "sensitive")
    agree(phone, code, "visits", "sharing")
    assert file(phone, code, ILL).status_code == 201


def test_a_consent_taken_back_does_not_count_and_what_was_filed_stays_filed(phone: Phone, publish: Publish) -> None:
    """PIPL art. 15: 个人撤回同意，不影响撤回前基于个人同意已进行的个人信息处理活动的效力."""
    code = publish(processing={"purposes": [VISITS]}).code
    given = [agree(phone, code, "visits", kind) for kind in ("sensitive", "sharing")]
    filed = file(phone, code, ILL).json

    phone.post(f"/v1/consents/{given[1]['id']}/withdraw")

    assert lacking(file(phone, code, ILL)) == [("visits", "sharing")]
    assert phone.get(f"/v1/submissions/{filed['id']}/progress").json["state"] == "received"
    assert phone.get(f"/v1/submissions/{filed['id']}").json["answers"] == ILL


def test_another_kind_of_data_in_a_new_version_asks_anew(phone: Phone, publish: Publish) -> None:
    """PIPL art. 14: 个人信息的种类发生变更的，应当重新取得个人同意."""
    code = publish(processing={"purposes": [VISITS]}).code
    for kind in ("sensitive", "sharing"):
        agree(phone, code, "visits", kind)
    wider = VISITS | {"fields": ["illness", "hobby"]}
    publish(version=2, processing={"purposes": [wider]})

    refused = file(phone, code, ILL)

    assert lacking(refused) == [("visits", kind) for kind in ("processing", "sensitive", "sharing")]
    assert {one["version"] for one in refused.json["consents"]} == {2}


def test_a_new_version_that_only_says_it_better_does_not_ask_anew(phone: Phone, publish: Publish) -> None:
    code = publish(processing={"purposes": [VISITS]}).code
    for kind in ("sensitive", "sharing"):
        agree(phone, code, "visits", kind)
    retention = {"zh": "保存两年", "en": "Kept for two years"}
    publish(version=2, processing={"purposes": [VISITS], "retention": retention})

    assert file(phone, code, ILL).status_code == 201


def test_my_consent_is_nobody_elses(phone: Phone, make_phone: Any, publish: Publish) -> None:
    code = publish(processing={"purposes": [VISITS]}).code
    for kind in ("sensitive", "sharing"):
        agree(phone, code, "visits", kind)

    assert len(lacking(file(make_phone(), code, ILL))) == 2


def test_a_guardians_consent_counts_for_the_child_until_its_14th_birthday(
    phone: Phone, product: Any, publish: Publish
) -> None:
    """PIPL art. 31."""
    code = publish(processing={"purposes": [VISITS]}).code
    number = number_of(13, days=364)
    with database.work() as work:
        child_id = residents.enrol(work, Person("李小雨", "111", number, None))
        tokens = sessions.open_for_resident(work, child_id, 3, clock.now(), "test phone")
    child = Phone(child_id, tokens, product.test_client())
    assert len(lacking(file(child, code, ILL))) == 2

    for kind in ("sensitive", "sharing"):
        wish = {"notice": purposes.notice_code(code), "version": 1, "purpose": "visits", "kind": kind}
        own = {"name": "李小雨", "document_number": number, "relation": "parent"}
        assert phone.post("/v1/consents", wish | {"child": own}).status_code == 201

    assert file(child, code, ILL).status_code == 201
    assert len(lacking(file(phone, code, ILL))) == 2, "the child's consent is not the parent's own"
    with clock.moved(timedelta(days=5)), database.work() as work:
        fresh = sessions.open_for_resident(work, child_id, 3, clock.now(), "test phone")
    child.tokens = fresh
    with clock.moved(timedelta(days=5)):
        assert len(lacking(file(child, code, ILL))) == 2


def test_what_was_taken_back_is_not_given_to_the_office_any_more(phone: Phone, publish: Publish, sql: Sql) -> None:
    """Taken back between filing and hand-over: the office gets the application without it (PIPL art. 15)."""
    code = publish(processing={"purposes": [VISITS]}).code
    given = [agree(phone, code, "visits", kind) for kind in ("sensitive", "sharing")]
    filed = file(phone, code, ILL | {"hobby": "下棋"}).json

    def handed_over() -> Answers:
        with database.work() as work:
            row = work.run(drafts.with_key().where(drafts.submissions.c.id == filed["id"])).one()
            return handover.case_of(work, row, row.id).answers

    assert handed_over() == ILL | {"hobby": "下棋"}
    phone.post(f"/v1/consents/{given[0]['id']}/withdraw")

    assert handed_over() == {"hobby": "下棋"}


def test_asking_costs_no_statement_of_its_own(phone: Phone, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of filing take one statement for the work, checked or not."""
    plain = publish().code
    checked = publish(code=f"{plain}-checked", processing={"notice": "required", "purposes": [VISITS]}).code
    for kind in ("sensitive", "sharing"):
        agree(phone, checked, "visits", kind)
    shown = [{"code": purposes.notice_code(checked), "version": 1}]
    counted = {code: _statements(monkeypatch, lambda c=code, s=told: file(phone, c, ILL, s))  # type: ignore[misc]
               for code, told in ((plain, []), (checked, shown))}  # fmt: skip

    assert counted[plain] == counted[checked] > 0


def _statements(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> int:
    """How many statements an act sends, by SQLAlchemy and by the driver itself."""
    sent: list[str] = []
    act_first = act()
    assert act_first.status_code == 201, act_first.text
    real = database.row_of

    def row_of(connection: Any, sql: str, values: Any) -> Any:
        sent.append(sql)
        return real(connection, sql, values)

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    engine = database.engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        with monkeypatch.context() as watched:
            watched.setattr(database, "row_of", row_of)
            assert act().status_code == 201
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert any(submissions._FILING in sql for sql in sent)
    return len(sent)
