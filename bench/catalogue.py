"""A province's catalogue to import: `python -m bench.catalogue FOLDER --items 165000` writes national exchange tables.

Every item is one of some five hundred services that Chinese offices really list (`services.csv`), at an office of a
Yunnan city, county or (with made-up names) town. Laws, conditions, materials and questions are taken in turn from the
definitions that the product comes with, so that texts are as long as true ones. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import yaml

_DEFINITIONS = Path(__file__).parent.parent / "app" / "catalogue" / "definitions"
_PROVINCE = "530000"
_TOWNS = ("太平", "和平", "永安", "新民", "金河", "龙泉", "凤鸣", "青山")
_TOWNS_OFFER = frozenset({"mz", "rs", "yb", "ws", "ny", "cl", "ty"})
_KINDS = ("", "（变更）", "（补办）", "（注销）", "（延续）")
_NAMESPACE = uuid.UUID("c8f3cf4e-5a33-5a1c-a9a8-6d1a2f6f8d11")


@dataclass(frozen=True)
class Region:
    """A GB/T 2260 region; `level` as in GB/T 39046 A.2."""

    code: str
    name: str
    level: int
    parent: str


@dataclass(frozen=True)
class Text:
    """What a real definition says, in the columns' words."""

    by_law: str
    conditions: str
    flow: str
    materials: tuple[dict[str, Any], ...]
    questions: tuple[tuple[str, str], ...]


def write(folder: Path, items: int, broken: int = 0, seed: int = 1) -> None:
    """Write the tables, and the regions and departments they name; `broken` items break a rule."""
    folder.mkdir(parents=True, exist_ok=True)
    regions = list(_regions())
    offered = list(islice(_offered(regions), items))
    _write_csv(folder / "regions.csv", ["code", "name", "parent"], ([r.code, r.name, r.parent] for r in regions))
    offices = {_office(region, short): _office_name(region, words) for region, (short, words, *_), _ in offered}
    in_region = {_office(region, short): region.code for region, (short, *_), _ in offered}
    rows = ([code, name, in_region[code]] for code, name in offices.items())
    _write_csv(folder / "departments.csv", ["code", "name", "region"], rows)
    texts, chance = _texts(), random.Random(seed)
    wrong = set(chance.sample(range(items), broken))
    with ExitStack() as stack:
        files: dict[str, TextIO] = {}
        for number, (region, service, kind) in enumerate(offered):
            text = texts[number % len(texts)]
            for table, row in _rows(number, region, service, kind, text, chance, number in wrong):
                if table not in files:
                    files[table] = stack.enter_context((folder / f"{table}.jsonl").open("w", encoding="utf-8"))
                files[table].write(json.dumps(row, ensure_ascii=False) + "\n")


Service = tuple[str, str, str, str, str]


def _offered(regions: list[Region]) -> Iterator[tuple[Region, Service, str]]:
    """Every service of every office, then the same for changes, replacements and so on."""
    listed = _services()
    in_towns = [one for one in listed if one[0] in _TOWNS_OFFER]
    for kind in _KINDS:
        plain = ((region, one, kind) for one in listed for region in regions if region.level < 5)
        small = ((region, one, kind) for one in in_towns for region in regions if region.level == 5)
        every = list(chain(plain, small))
        # Mixed, so that few items are spread over all services and the whole province too.
        random.Random(len(every)).shuffle(every)
        yield from every


def _services() -> list[Service]:
    with Path(__file__).with_name("services.csv").open(encoding="utf-8", newline="") as file:
        return [
            (row["office"], row["office_name"], row["topic"], row["service"], row["item_type"])
            for row in csv.DictReader(file)
        ]


def _regions() -> Iterator[Region]:
    with (_DEFINITIONS / "regions.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["code"].startswith(_PROVINCE[:2])]
    for row in rows:
        code = row["code"]
        if code == _PROVINCE:
            yield Region(code, row["name"], 2, "")
        elif code.endswith("00"):
            yield Region(code, row["name"], 3, _PROVINCE)
        else:
            yield Region(code, row["name"], 4, row["parent"] or f"{code[:4]}00")
    for row in rows:
        if not row["code"].endswith("00"):
            for number, name in enumerate(_TOWNS, 1):
                yield Region(f"{row['code']}{number:03d}000", f"{name}镇", 5, row["code"])


def _office(region: Region, short: str) -> str:
    return f"xz-{region.code}" if region.level == 5 else f"{short}-{region.code}"


def _office_name(region: Region, words: str) -> str:
    return f"{region.name}人民政府" if region.level == 5 else f"{region.name}{words}"


def _texts() -> list[Text]:
    found = []
    for path in sorted(_DEFINITIONS.glob("*.yaml")):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "legal_bases" in definition:
            found.append(_text(definition))
    return found


def _text(definition: dict[str, Any]) -> Text:
    return Text(
        "\n".join(f"《{one['title']}》{one['article']}：{one['text']}" for one in definition["legal_bases"]),
        "\n".join(definition["conditions"]["zh"]),
        "→".join(step["name"]["zh"] for step in definition["steps"]),
        tuple(definition["materials"]),
        tuple((one["question"]["zh"], one["answer"]["zh"]) for one in definition["faq"]),
    )


def _rows(
    number: int, region: Region, service: Service, kind: str, text: Text, chance: random.Random, broken: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    short, words, topic, name, item_type = service
    code = f"11{region.code[:6]}MB{number:07d}{item_type}000"
    guid = str(uuid.uuid5(_NAMESPACE, code))
    head = {"task_code": code, "cd_operation": "I", "cd_time": "2026-11-01T00:00:00+08:00"}
    days = chance.choice((3, 5, 10, 15, 20))
    on_the_spot = chance.random() < 0.2
    charged = item_type == "01" and chance.random() < 0.1
    yield (
        "up_task_general_basic",
        {
            **head,
            "row_guid": guid,
            "catalog_code": f"{item_type}{abs(hash_of(name)) % 10**8:08d}",
            "task_name": f"{name}{kind}",
            "task_type": item_type,
            "task_version": 1,
            "task_state": "1",
            "use_level": str(region.level),
            "power_source": "1",
            "area_code": region.code,
            "dept_code": _office(region, short),
            "dept_name": _office_name(region, words),
            "dept_type": "1",
            "project_type": "1" if on_the_spot else "2",
            "server_type": chance.choice(("1", "1", "1", "2", "1^2")),
            "handle_type": chance.choice(("1^2^3", "1^3", "1", "1^2^3^4")),
            "by_law": text.by_law,
            "accept_condition": text.conditions,
            "handle_flow": text.flow,
            "anticipate_day": days,
            "anticipate_type": "1",
            "promise_day": days + 5 if broken else 0 if on_the_spot else max(1, days // 2),
            "promise_type": "1",
            "is_fee": "1" if charged else "0",
            "fee_basis": "国家规定的收费标准" if charged else "不收费。",
            "limit_scene_num": chance.choice((0, 0, 1)),
            "link_way": "12345",
            "supervise_way": "12345",
            "transact_addr": f"{region.name}政务服务中心{chance.randint(1, 4)}楼{words}窗口",
            "transact_time": "工作日 9:00—12:00，13:00—17:00",
        },
    )
    yield (
        "up_task_general_extend",
        {
            **head,
            "row_guid": str(uuid.uuid5(_NAMESPACE, f"{code} extend")),
            "task_guid": guid,
            "handle_area": {2: "3", 3: "4", 4: "5", 5: "6"}[region.level],
            "is_online": "1",
            "is_pay_online": "1" if charged else "0",
            "is_schedule": chance.choice("01"),
            "is_express": chance.choice("01"),
            "result_name": f"{name}结果",
            "user_topic_type": topic,
        },
    )
    yield from _beside(guid, code, text, charged, chance)


def _beside(
    guid: str, code: str, text: Text, charged: bool, chance: random.Random
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Materials, situations, fees and questions of one item."""
    situations = [str(uuid.uuid5(_NAMESPACE, f"{code} situation {n}")) for n in range(chance.choice((0, 0, 2, 3)))]
    for place, situation in enumerate(situations, 1):
        row: dict[str, Any] = {
            "row_guid": situation,
            "task_guid": guid,
            "condition_name": f"第{place}种情形：{chance.choice(_CASES)}",
        }
        yield "dn_audit_item_condition", {**row, "order_num": place, "area_code": code[2:8]}
    for place, material in enumerate(text.materials, 1):
        row_guid = str(uuid.uuid5(_NAMESPACE, f"{code} material {place}"))
        yield (
            "up_task_general_material",
            {
                "row_guid": row_guid,
                "task_guid": guid,
                "task_code": code,
                "material_name": material["name"]["zh"],
                "is_need": "1" if material["required"] else "2",
                "page_num": 1,
                "material_format": "3",
                "source_type": chance.choice(("10", "20")),
                "fill_explain": material["note"]["zh"],
                "order_num": place,
            },
        )
        if situations and place > 1:
            condition = {"row_guid": str(uuid.uuid5(_NAMESPACE, f"{row_guid} when")), "material_guid": row_guid}
            yield "dn_audit_material_condition", {**condition, "condition_guid": situations[place % len(situations)]}
    if charged:
        fee: dict[str, Any] = {
            "fee_name": "证照工本费",
            "fee_stand": f"每证{chance.randint(5, 200)}元",
            "by_law": "国家规定的收费标准",
        }
        yield "up_task_general_fee_project", {"row_guid": f"{guid}-fee", "task_guid": guid, "order_num": 1, **fee}
    for place, (question, answer) in enumerate(text.questions, 1):
        own: dict[str, Any] = {
            "row_guid": str(uuid.uuid5(_NAMESPACE, f"{code} faq {place}")),
            "task_guid": guid,
            "order_num": place,
        }
        yield "up_task_general_questions", {**own, "question": question, "answer": answer}


_CASES = ("本人办理", "委托他人办理", "首次办理", "证件遗失", "信息变更", "单位集体办理")


def hash_of(name: str) -> int:
    """The same in every process, unlike Python's own."""
    return uuid.uuid5(_NAMESPACE, name).int


def _write_csv(path: Path, head: list[str], rows: Iterator[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.catalogue", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the tables are written")
    parser.add_argument("--items", type=int, default=165_000, help="how many (165000)")
    parser.add_argument("--broken", type=int, default=0, help="how many of them break a rule (0)")
    options = parser.parse_args(arguments)
    write(options.folder, options.items, options.broken)
    return 0


if __name__ == "__main__":
    sys.exit(main())
