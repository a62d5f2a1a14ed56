"""Exchange: a service in the shape of the national exchange tables, and what our definition makes of it.

Tables and columns are those of the national government service item base (事项库): `up_task_general_*` and the two of
situations, `dn_audit_item_condition` and `dn_audit_material_condition`. They know Chinese only, so where a
definition has two languages the Chinese words stand in both, until somebody adds the English ones; a column `…_en`
beside one is taken. They know no forms: what is imported can be read about, and applied for with its materials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.codes import TOPICS
from app.catalogue.mistakes import Fault

Row = Mapping[str, Any]

BASIC = "up_task_general_basic"
EXTEND = "up_task_general_extend"
MATERIAL = "up_task_general_material"
FEE = "up_task_general_fee_project"
QUESTION = "up_task_general_questions"
ITEM_CONDITION = "dn_audit_item_condition"
MATERIAL_CONDITION = "dn_audit_material_condition"

OF_TASK = (EXTEND, MATERIAL, FEE, QUESTION, ITEM_CONDITION)
"""The tables whose rows name their task by `task_guid`; those of MATERIAL_CONDITION name a condition."""

DELETION = "D"
"""`cd_operation`: I new, U changed, D deleted."""

_UNITS = {"1": "working_day", "2": "calendar_day"}
_SCOPES = {
    "1": "nationwide",
    "2": "cross_province",
    "3": "province",
    "4": "city",
    "5": "county",
    "6": "town",
    "7": "village",
}
_TOPIC_OF = {words["zh"]: code for code, words in TOPICS.items()}
_SOURCES = {"10": "applicant", "20": "government", "99": "other"}
_MEDIA = {"1": "paper", "2": "electronic", "3": "either"}
_LAW = re.compile(
    r"《(?P<title>[^》]{1,200})》(?P<article>第[一二三四五六七八九十百千零〇0-9]+条(?:第[^条款项]{1,6}[款项])*)?"
)
_NUMBER = re.compile(r"[0-9]{1,9}")
_MONEY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?\s*元")


class RowBroken(ValueError):
    """A row that no definition can be made of."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.en)
        self.fault = fault


@dataclass
class TaskRows:
    """The rows of one item in all tables. `material_conditions` is condition row_guid → material row_guids."""

    basic: Row
    of_task: dict[str, list[Row]] = field(default_factory=dict)
    material_conditions: dict[str, list[str]] = field(default_factory=dict)

    def rows(self, table: str) -> list[Row]:
        listed = self.of_task.get(table, [])
        return sorted(listed, key=lambda row: int(row.get("order_num") or 0)) if len(listed) > 1 else listed


def definition_of(task: TaskRows) -> dict[str, Any]:
    """The definition of an item. It may still break rules, which validation says. Raises RowBroken."""
    basic = task.basic
    extend = (task.rows(EXTEND) or [{}])[0]
    materials, situation = _materials(task)
    made = {
        **_identity_of(basic),
        **_offered(basic, extend),
        **_law(basic),
        "identity": {"level": 3, "max_age_minutes": 720},
        "signature": False,
        "fees": _fees(basic, task.rows(FEE)),
        **situation,
        "materials": materials,
        "form": {"schema": {"type": "object", "properties": {}, "additionalProperties": False}, "layout": []},
        "steps": _steps(basic),
        "results": [{"name": _words(extend, "result_name", "办理结果"), "kind": "document"}],
        "places": _places(basic),
        "faq": [{"question": _words(row, "question"), "answer": _words(row, "answer")} for row in task.rows(QUESTION)],
        "retention": {"class": "years_10"},
        "connector": "webhook",
    }
    if _flag(extend, "is_pay_online"):
        made["payment"] = {"online": True}
    if _flag(extend, "is_schedule"):
        made["appointment"] = {"available": True, "needed": False}
    if _flag(extend, "is_express"):
        made["express"] = {"available": True}
    return made


def _identity_of(basic: Row) -> dict[str, Any]:
    code = str(basic.get("task_handle_item") or basic.get("task_code") or "")
    made: dict[str, Any] = {
        "code": re.sub(r"[^a-z0-9]+", "-", code.lower()).strip("-"),
        "basic_code": str(basic.get("catalog_code", "")),
        "implementation_code": code,
        "version": _number(basic, "task_version"),
        "name": _words(basic, "task_name"),
        "summary": _words(basic, "task_name"),
        "department": str(basic.get("dept_code", "")).lower(),
        "implementing_body": {"name": _words(basic, "dept_name"), "nature": _number(basic, "dept_type")},
        "region": str(basic.get("area_code", "")),
        "item_type": str(basic.get("task_type", "")),
        "case_type": _number(basic, "project_type"),
    }
    days = {"from": _day(basic, "plan_effective_date"), "until": _day(basic, "plan_cancel_date")}
    if any(days.values()):
        made["effective"] = {name: day for name, day in days.items() if day}
    if basic.get("power_source"):
        made["power_source"] = _number(basic, "power_source")
    return made


def _offered(basic: Row, extend: Row) -> dict[str, Any]:
    targets = sorted({int(one) for one in _split(basic.get("server_type")) if one.isdecimal()})
    kinds = (["person"] if 1 in targets else []) + (["organisation"] if set(targets) - {1} else [])
    channels = {int(one) for one in _split(basic.get("handle_type")) if one.isdecimal()}
    if _flag(extend, "is_online"):
        channels.add(3)
    topics = [name for name in _split(extend.get("user_topic_type")) if name in _TOPIC_OF] or ["其他"]
    made: dict[str, Any] = {
        "level": _number(basic, "use_level"),
        "handling_scope": {"kind": _SCOPES.get(str(extend.get("handle_area") or "5"), "county")},
        "targets": targets,
        "applicants": {"kinds": kinds},
        "topics": [TOPICS[_TOPIC_OF[name]] for name in topics[:5]],
        "topic_codes": [_TOPIC_OF[name] for name in topics[:5]],
        "channels": sorted(channels),
    }
    if basic.get("limit_scene_num") not in (None, ""):
        made["on_site_visits"] = _number(basic, "limit_scene_num")
    return made


def _law(basic: Row) -> dict[str, Any]:
    conditions = _sentences(basic.get("accept_condition")) or ["符合法律、法规规定的条件。"]
    english = _sentences(basic.get("accept_condition_en"))
    legal = _number(basic, "anticipate_day", 0)
    limits: dict[str, Any] = {
        "legal": None,
        "promised": {"value": _number(basic, "promise_day"), "unit": _unit(basic, "promise_type")},
    }
    if legal:
        basis = _words(basic, "anticipate_explain", _words(basic, "by_law", "法定办结时限")["zh"])
        limits["legal"] = {"value": legal, "unit": _unit(basic, "anticipate_type"), "basis": basis}
    return {
        "conditions": {"zh": conditions, "en": english if len(english) == len(conditions) else conditions},
        "legal_bases": _legal_bases(str(basic.get("by_law") or "")),
        "limits": limits,
    }


def _legal_bases(content: str) -> list[dict[str, Any]]:
    """One basis for each law that is named: `《title》第x条：text`."""
    found = list(_LAW.finditer(content))
    if not found:
        raise RowBroken(
            Fault("/by_law", "by_law", "设定依据里没有法律、法规的名称（《…》）", "by_law names no law (《…》)")
        )
    ends = [one.start() for one in found[1:]] + [len(content)]
    bases = []
    for law, end in zip(found, ends, strict=True):
        words = content[law.end() : end].strip(" ：:；;、。\n") or law.group("title")
        title, article = law.group("title"), law.group("article") or "全文"
        bases.append({"title": title, "title_en": title, "article": article, "text": words, "text_en": words})
    return bases[:30]


def _materials(task: TaskRows) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The materials, and the one situation that the flat list of conditions makes."""
    conditions = task.rows(ITEM_CONDITION)
    values = {str(row.get("row_guid")): f"s{place}" for place, row in enumerate(conditions, 1)}
    needed: dict[str, list[str]] = {}
    for condition, materials in task.material_conditions.items():
        for material in materials:
            needed.setdefault(material, []).append(values[condition])
    made = [
        _material(place, row, sorted(needed.get(str(row.get("row_guid")), ())))
        for place, row in enumerate(task.rows(MATERIAL), 1)
    ]
    if len(conditions) < 2:
        # A question with one answer is none: what it asks for is always asked for.
        return [{name: part for name, part in one.items() if name != "needed_when"} for one in made], {}
    options = [{"value": values[str(row["row_guid"])], "label": _words(row, "condition_name")} for row in conditions]
    question = {"zh": "您属于哪种情形？", "en": "Which of these applies to you?"}
    return made, {"situations": [{"code": "condition", "question": question, "options": options}]}


def _material(place: int, row: Row, values: list[str]) -> dict[str, Any]:
    pages = _number(row, "page_num", 1)
    made: dict[str, Any] = {
        "code": f"m{place}",
        "name": _words(row, "material_name"),
        "required": str(row.get("is_need")) == "1",
        "originals": min(pages, 100),
        "copies": 0,
        "accept": ["image/jpeg", "image/png", "application/pdf"],
        "max_bytes": 10 * 1024 * 1024,
        "reusable": True,
        "note": _words(row, "fill_explain", "按要求提供，拍照上传须清晰完整。"),
    }
    if values:
        made["needed_when"] = {"situation": "condition", "values": values}
    if row.get("source_explain"):
        made["issuer"] = _line(_words(row, "source_explain"))
    if str(row.get("source_type")) in _SOURCES:
        made["source"] = _SOURCES[str(row["source_type"])]
    if str(row.get("material_format")) in _MEDIA:
        made["medium"] = _MEDIA[str(row["material_format"])]
    return made


def _fees(basic: Row, rows: Sequence[Row]) -> dict[str, Any]:
    charged = _flag(basic, "is_fee")
    fees: dict[str, Any] = {"charged": charged, "basis": _words(basic, "fee_basis", "不收费。")}
    if charged:
        fees["items"] = [_fee(place, row) for place, row in enumerate(rows, 1)]
    return fees


def _fee(place: int, row: Row) -> dict[str, Any]:
    """The standard is a sentence; an amount is only taken where it says one in yuan."""
    standard = str(row.get("fee_stand") or "")
    amount = _MONEY.search(standard)
    if amount is None:
        raise RowBroken(Fault("/fee_stand", "fee_stand", "收费标准里没有金额（…元）", "fee_stand says no amount (…元)"))
    fee: dict[str, Any] = {
        "code": f"f{place}",
        "name": _words(row, "fee_name"),
        "amount_fen": int(amount[1]) * 100 + int((amount[2] or "0").ljust(2, "0")),
        "per": {"zh": standard, "en": standard},
        "basis": _words(row, "by_law", standard),
    }
    if row.get("desc_explain"):
        fee["reduction"] = _words(row, "desc_explain")
    return fee


def _steps(basic: Row) -> list[dict[str, Any]]:
    names = [one.strip() for one in re.split(r"[→\n；;]|->|—>", str(basic.get("handle_flow") or "")) if one.strip()]
    unit, limit = _words(basic, "dept_name"), {"zh": "见办结时限", "en": "See the limits"}
    return [{"name": {"zh": name[:300], "en": name[:300]}, "unit": unit, "limit": limit} for name in names[:30]]


def _places(basic: Row) -> list[dict[str, Any]]:
    if not basic.get("transact_addr"):
        return []
    phone = re.search(r"[0-9][0-9-]{2,19}", str(basic.get("link_way") or ""))
    address, hours = _line(_words(basic, "transact_addr")), _line(_words(basic, "transact_time", "工作日"))
    return [
        {
            "name": _words(basic, "dept_name"),
            "address": address,
            "hours": hours,
            "phone": phone[0] if phone else "12345",
        }
    ]


def _words(row: Row, column: str, otherwise: str | None = None) -> dict[str, str]:
    zh = str(row.get(column) or "").strip() or (otherwise or "")
    return {"zh": zh, "en": str(row.get(f"{column}_en") or "").strip() or zh}


def _line(words: dict[str, str]) -> dict[str, str]:
    return {language: re.sub(r"\s*\n\s*", " ", one)[:300] for language, one in words.items()}


def _sentences(content: Any) -> list[str]:
    return [one.strip() for one in re.split(r"[\n；;]", str(content or "")) if one.strip()][:40]


def _split(content: Any) -> list[str]:
    """Several codes in one column are parted by `^`, commas or 、."""
    return [one.strip() for one in re.split(r"[\^,，、;；]", str(content or "")) if one.strip()]


def _number(row: Row, column: str, otherwise: int | None = None) -> int:
    content = str(row.get(column) if row.get(column) is not None else "").strip()
    if not content and otherwise is not None:
        return otherwise
    if not _NUMBER.fullmatch(content):
        raise RowBroken(Fault(f"/{column}", "number", f"{column} 应为整数", f"{column} must be a whole number"))
    return int(content)


def _unit(row: Row, column: str) -> str:
    unit = _UNITS.get(str(row.get(column)))
    if unit is None:
        words = (f"{column} 应为 1（工作日）或 2（自然日）", f"{column} must be 1 (working days) or 2 (calendar days)")
        raise RowBroken(Fault(f"/{column}", "unit", *words))
    return unit


def _day(row: Row, column: str) -> str | None:
    content = str(row.get(column) or "")[:10]
    return content or None


def _flag(row: Row, column: str) -> bool:
    return str(row.get(column)) == "1"
