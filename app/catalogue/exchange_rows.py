"""Exchange rows: definitions written as the national exchange tables, the other way round from `exchange.py`.

The tables know less than a definition: forms, fees' conditions and much else stay behind. A definition file keeps all.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from app import clock
from app.catalogue.exchange import (
    BASIC,
    EXTEND,
    FEE,
    ITEM_CONDITION,
    MATERIAL,
    MATERIAL_CONDITION,
    QUESTION,
)

_UNITS = {"working_day": "1", "calendar_day": "2"}
_SCOPES = {
    "nationwide": "1",
    "cross_province": "2",
    "province": "3",
    "city": "4",
    "county": "5",
    "town": "6",
    "village": "7",
}
_NAMESPACE = uuid.UUID("6f1d3c3e-9b0a-5a52-8f5e-0d5a1c1f7b10")


class Writer:
    """One file of JSON lines for each table, made when its first row comes. Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}

    def __enter__(self) -> Writer:
        self._stack = ExitStack()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, definition: Mapping[str, Any]) -> None:
        for table, row in rows_of(definition):
            if table not in self._files:
                path = self._folder / f"{table}.jsonl"
                self._files[table] = self._stack.enter_context(path.open("w", encoding="utf-8"))
            self._files[table].write(json.dumps(row, ensure_ascii=False) + "\n")


def guid_of(*names: Any) -> str:
    """The same for the same names: whoever gets an item twice knows it again."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, names))))


def rows_of(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) for everything that the exchange tables can say of a definition."""
    guid = guid_of(definition["code"], definition["version"])
    head = {"cd_operation": "I", "cd_time": clock.now().isoformat(), "task_code": definition["implementation_code"]}
    yield BASIC, {**head, "row_guid": guid, **_basic(definition)}
    yield EXTEND, {**head, "row_guid": guid_of(guid, EXTEND), "task_guid": guid, **_extend(definition)}
    for table, rows in (
        (MATERIAL, _materials(definition, guid)),
        (FEE, _fees(definition)),
        (QUESTION, _questions(definition)),
        (ITEM_CONDITION, _conditions(definition, guid)),
    ):
        for place, row in enumerate(rows, 1):
            own = {"row_guid": guid_of(guid, table, place), "task_guid": guid, "order_num": place}
            yield table, {**head, **own, **row}
    yield from _material_conditions(definition, guid)


def _basic(definition: Mapping[str, Any]) -> dict[str, Any]:
    body, limits, days = definition["implementing_body"], definition["limits"], definition.get("effective", {})
    legal = limits["legal"] or {"value": 0, "unit": "working_day", "basis": {"zh": ""}}
    place = (definition["places"] or [{"address": {"zh": ""}, "hours": {"zh": ""}, "phone": "12345"}])[0]
    return {
        "catalog_code": definition["basic_code"],
        "task_name": definition["name"]["zh"],
        "task_name_en": definition["name"]["en"],
        "task_type": definition["item_type"],
        "task_version": definition["version"],
        "task_state": "1",
        "use_level": str(definition["level"]),
        "power_source": str(definition.get("power_source", 1)),
        "area_code": definition["region"],
        "dept_code": definition["department"],
        "dept_name": body["name"]["zh"],
        "dept_type": str(body["nature"]),
        "project_type": str(definition["case_type"]),
        "server_type": "^".join(map(str, definition["targets"])),
        "handle_type": "^".join(map(str, definition["channels"])),
        "by_law": "\n".join(f"《{one['title']}》{one['article']}：{one['text']}" for one in definition["legal_bases"]),
        "accept_condition": "\n".join(definition["conditions"]["zh"]),
        "accept_condition_en": "\n".join(definition["conditions"]["en"]),
        "handle_flow": "→".join(step["name"]["zh"] for step in definition["steps"]),
        "anticipate_day": math.ceil(legal["value"]),
        "anticipate_type": _UNITS[legal["unit"]],
        "anticipate_explain": legal["basis"]["zh"],
        "promise_day": math.ceil(limits["promised"]["value"]),
        "promise_type": _UNITS[limits["promised"]["unit"]],
        "is_fee": "1" if definition["fees"]["charged"] else "0",
        "fee_basis": definition["fees"]["basis"]["zh"],
        "limit_scene_num": definition.get("on_site_visits", 0),
        "link_way": place["phone"],
        "transact_addr": place["address"]["zh"],
        "transact_time": place["hours"]["zh"],
        "plan_effective_date": days.get("from"),
        "plan_cancel_date": days.get("until"),
    }


def _extend(definition: Mapping[str, Any]) -> dict[str, Any]:
    def flag(part: str, name: str) -> str:
        return "1" if definition.get(part, {}).get(name) else "0"

    return {
        "handle_area": _SCOPES[definition["handling_scope"]["kind"]],
        "is_online": "1" if 3 in definition["channels"] else "0",
        "is_pay_online": flag("payment", "online"),
        "is_schedule": flag("appointment", "available"),
        "is_express": flag("express", "available"),
        "online_handle_depth": definition.get("online_depth"),
        "result_name": definition["results"][0]["name"]["zh"],
        "user_topic_type": "^".join(topic["zh"] for topic in definition["topics"]),
    }


def _materials(definition: Mapping[str, Any], guid: str) -> list[dict[str, Any]]:
    return [
        {
            "material_name": one["name"]["zh"],
            "material_name_en": one["name"]["en"],
            "is_need": "1" if one["required"] else "0",
            "page_num": one["originals"] + one["copies"],
            "fill_explain": one["note"]["zh"],
            "source_explain": one.get("issuer", {}).get("zh"),
        }
        for one in definition["materials"]
    ]


def _fees(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "fee_name": one["name"]["zh"],
            "fee_stand": f"{one['amount_fen'] // 100}.{one['amount_fen'] % 100:02d}元",
            "by_law": one["basis"]["zh"],
        }
        for one in definition["fees"].get("items", ())
    ]


def _questions(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"question": one["question"]["zh"], "answer": one["answer"]["zh"]} for one in definition["faq"]]


def _options(definition: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(situation, value, words) of every option: the tables know one flat list."""
    return [
        (situation["code"], option["value"], option["label"]["zh"])
        for situation in definition.get("situations", ())
        for option in situation["options"]
    ]


def _conditions(definition: Mapping[str, Any], guid: str) -> list[dict[str, Any]]:
    return [{"condition_name": words, "area_code": definition["region"]} for _, _, words in _options(definition)]


def _material_conditions(definition: Mapping[str, Any], guid: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, (situation, value, _) in enumerate(_options(definition), 1):
        for place, material in enumerate(definition["materials"], 1):
            needed = material.get("needed_when", {})
            if needed.get("situation") == situation and value in needed.get("values", ()):
                condition, piece = guid_of(guid, ITEM_CONDITION, number), guid_of(guid, MATERIAL, place)
                row = {"row_guid": guid_of(condition, piece), "condition_guid": condition, "material_guid": piece}
                yield MATERIAL_CONDITION, row
