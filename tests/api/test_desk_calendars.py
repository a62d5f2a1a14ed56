"""Calendars at the desk: who may load what, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import onephone
from app import clock, database
from app.catalogue import calendars
from app.submissions import recounts
from tests.clocks import FileCase, at, china
from tests.product import Phone

pytestmark = pytest.mark.usefixtures("own_world")

NOTICE = {
    "days_off": ["2071-01-01", "2071-01-02"],
    "worked": ["2071-01-10"],
    "title": "国务院办公厅关于2071年部分节假日安排的通知",
    "number": "国办发明电〔2070〕7号",
}


def test_an_administrator_loads_a_year_and_sees_whom_it_touched(
    make_clerk: Callable[[str], Phone], file_case: FileCase
) -> None:
    administrator, auditor = make_clerk("S0004"), make_clerk("S0002")
    before = {**NOTICE, "days_off": ["2070-01-01"], "worked": []}
    assert administrator.post("/v1/desk/calendars/2070", before).status_code == 201
    recounts.sweep(china("2071-02-01 00:00"))
    cases = [str(file_case("2070-12-29 10:00")) for _ in range(3)]

    loaded = administrator.post("/v1/desk/calendars/2071", NOTICE)
    calendars.forget()
    recounts.sweep(china("2071-02-01 00:00"))

    assert (loaded.status_code, loaded.json) == (201, {"year": 2071, "version": 1})
    first = auditor.get("/v1/desk/calendars/2071/versions/1?limit=2").json
    rest = auditor.get(f"/v1/desk/calendars/2071/versions/1?limit=2&cursor={first['next_cursor']}").json
    assert (first["recounted"], first["moved"], first["number"]) == (3, 3, NOTICE["number"])
    assert [one["submission"] for one in first["items"] + rest["items"]] == sorted(cases)
    assert first["items"][0]["moved"]["acceptance"] == {"before": "2071-01-05", "after": "2071-01-07"}
    assert rest["next_cursor"] is None
    listed = {one["year"]: one for one in auditor.get("/v1/desk/calendars").json["items"]}
    assert listed[2071]["loaded_by"] == f"staff:{administrator.resident_id}"
    assert [one["version"] for one in auditor.get("/v1/desk/calendars/2071").json["items"]] == [1]


def test_what_cannot_be_right_is_told_item_by_item(make_clerk: Callable[[str], Phone]) -> None:
    wrong = NOTICE | {"worked": ["2071-01-08"], "days_off": ["2071-01-01", "2071-01-01"]}

    refused = make_clerk("S0004").post("/v1/desk/calendars/2071", wrong)

    assert (refused.status_code, refused.json["code"]) == (422, "invalid_content")
    assert set(refused.json["errors"]) == {"/worked/0", "/days_off/1"}


@pytest.mark.parametrize("number", ["S0001", "S0002", "S0003"])
def test_nobody_else_loads_one(make_clerk: Callable[[str], Phone], number: str) -> None:
    refused = make_clerk(number).post("/v1/desk/calendars/2072", NOTICE)

    assert (refused.status_code, refused.json["code"]) == (403, "not_an_administrator")


def test_the_same_again_is_refused_and_what_is_not_there_is_not_found(make_clerk: Callable[[str], Phone]) -> None:
    administrator = make_clerk("S0004")
    year = {**NOTICE, "days_off": ["2073-01-02"], "worked": []}
    assert administrator.post("/v1/desk/calendars/2073", year).status_code == 201

    again = administrator.post("/v1/desk/calendars/2073", year)

    assert (again.status_code, again.json["code"], again.json["version"]) == (409, "calendar_unchanged", 1)
    for path in ("2074", "2073/versions/2"):
        missing = administrator.get(f"/v1/desk/calendars/{path}")
        assert (missing.status_code, missing.json["code"]) == (404, "calendar_not_found")


def test_the_resident_sees_that_a_date_moved_and_why(
    make_clerk: Callable[[str], Phone], make_phone: Callable[..., Phone], sql: Callable[..., list[Any]]
) -> None:
    administrator, phone = make_clerk("S0004"), make_phone()
    case = phone.post("/v1/submissions", {"service": "housing-fund-balance", "submit": True}).json["id"]
    sql("UPDATE submissions SET acceptance_due = '2081-01-01' WHERE id = %s", case)
    notice = {**NOTICE, "days_off": ["2081-01-01"], "worked": []}
    assert administrator.post("/v1/desk/calendars/2081", notice).status_code == 201
    recounts.sweep(china("2081-02-01 00:00"))

    progress = phone.get(f"/v1/submissions/{case}/progress").json

    assert [event["step"] for event in progress["events"]] == ["receive", "recount"]
    assert "重新计算" in progress["events"][1]["text"]
    assert progress["due"]["acceptance"] == clock.today().isoformat()


def test_a_file_is_loaded_by_the_command(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "2091.yaml"
    path.write_text(
        "year: 2091\nnotice: {title: 关于2091年的通知, number: 1号}\n"
        "holidays: [{name: {zh: 元旦, en: New Year}, days_off: [2091-01-01], worked: []}]\n",
        encoding="utf-8",
    )
    for number, said in (("S0001", "not_an_administrator"), ("S0004", None), ("S0005", "calendar_unchanged")):
        monkeypatch.setattr("sys.argv", ["onephone", "calendar", "load", str(path), "--as", number])
        if said is None:
            onephone.main()
            assert "2091 version 1" in capsys.readouterr().out
        else:
            with pytest.raises(SystemExit, match=said):
                onephone.main()
    with at("2026-03-02 10:00"), database.reading() as connection:
        assert calendars.newest(connection, 2091).title == "关于2091年的通知"
