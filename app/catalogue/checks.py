"""Checks: what a definition must keep that no shape can say. Each takes a definition of the right shape.

Sources: 优化营商环境条例 第三十六条第二款 (a promised limit is within the legal one and public); 安阳市政务服务条例
第二十三条 (nothing is asked for that the guide does not list).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

from app.catalogue.codes import AUDIENCES, LIFE_EVENTS, MOBILE_CHANNEL, PERSON_TARGET, TOPICS
from app.catalogue.conditions_seen import names_in
from app.catalogue.editions import ON_THE_SPOT
from app.catalogue.faults import pointer
from app.catalogue.flows import flow_faults, order_faults
from app.catalogue.mistakes import Fault
from app.catalogue.questions import Place

Definition = Mapping[str, Any]

UPLOAD_WIDGETS = frozenset({"upload", "file", "photo", "material", "image"})
"""A field with one of these stands for a material: `residence_proof` for the material `residence-proof`."""


def faults(
    definition: Definition, departments: AbstractSet[str] | None, regions: AbstractSet[str] | None
) -> Iterator[Fault]:
    """Everything that is wrong. None for departments or regions: they are not known here, and not checked."""
    for check in _CHECKS:
        yield from check(definition)
    yield from _department_faults(definition, departments)
    yield from _region_faults(definition, regions)


def _limit_faults(definition: Definition) -> Iterator[Fault]:
    yield from _longer_than_legal(definition["limits"], ("limits", "promised"))
    yield from _half_calendar_days(definition["limits"], ("limits",))
    children = definition.get("joint", {}).get("children", ())
    for place, child in enumerate(children):
        yield from _longer_than_legal(child["limits"], ("joint", "children", place, "limits", "promised"))
        yield from _half_calendar_days(child["limits"], ("joint", "children", place, "limits"))
    if definition["case_type"] == ON_THE_SPOT and definition["limits"]["promised"]["value"] > 1:
        words = ("即办件的承诺时限最多1日", "what is done on the spot promises one day at most")
        yield Fault("/limits/promised/value", "on_the_spot", *words)


def _half_calendar_days(limits: Mapping[str, Any], path: Place) -> Iterator[Fault]:
    """Only a working day has a middle: noon, when the office closes."""
    for name in ("legal", "promised"):
        limit = limits[name]
        if limit is not None and limit["unit"] == "calendar_day" and limit["value"] % 1:
            words = ("半日只能用于工作日", "only working days come in halves")
            yield Fault(pointer((*path, name, "value")), "half_calendar_day", *words)


def _longer_than_legal(limits: Mapping[str, Any], path: Place) -> Iterator[Fault]:
    legal, promised = limits["legal"], limits["promised"]
    if legal is None or within(promised, legal):
        return
    shown = (promised["value"], promised["unit"], legal["value"], legal["unit"])
    words = (
        "承诺时限（{} {}）不能长于法定时限（{} {}）；换算时按最不利的日历计算".format(*shown),
        "promised ({} {}) may not be longer than legal ({} {}), whatever the calendar".format(*shown),
    )
    yield Fault(pointer(path), "promised_longer", *words)


def within(promised: Mapping[str, Any], legal: Mapping[str, Any]) -> bool:
    """Whether a promise ends within the legal limit wherever in the year it begins.

    n calendar days are over no later than n working days, for a last day that is a holiday moves to the next working
    day (民法典 第二百零三条), and so no rule is needed for a promise in calendar days.
    """
    if promised["unit"] == "working_day" and legal["unit"] == "calendar_day":
        return most_calendar_days(promised["value"]) <= int(legal["value"])
    return bool(promised["value"] <= legal["value"])


def most_calendar_days(working_days: float) -> int:
    """How many days n working days can last: with weekends, with Mid-Autumn and the National Day in one week (eight
    days off more), and with short holidays in longer spans. No span of the published calendars is longer (see the
    tests)."""
    whole = math.ceil(working_days)
    weeks, rest = divmod(whole, 5)
    plain = weeks * 7 + (rest + 2 if rest else 0)
    return plain + 8 + 2 * (whole // 15) if whole else 0


def _date_faults(definition: Definition) -> Iterator[Fault]:
    days = definition.get("effective", {})
    first, last = days.get("from"), days.get("until")
    if first and last and date.fromisoformat(last) < date.fromisoformat(first):
        yield Fault("/effective/until", "dates", "失效日期早于生效日期", "it ends before it begins")
    ages = definition.get("ages", {})
    if ages.get("from", 0) > ages.get("to", 130):
        yield Fault("/ages/to", "ages", "年龄上限小于下限", "the oldest is younger than the youngest")


def _material_faults(definition: Definition) -> Iterator[Fault]:
    codes = [material["code"] for material in definition["materials"]]
    yield from _twice(codes, ("materials",), "code")
    for place, material in enumerate(definition["materials"]):
        if material["code"] == "signature":
            words = ("签名不是材料，请用 signature: true", "a signature is no material: say signature: true")
            yield Fault(pointer(("materials", place, "code")), "signature", *words)
        if material["originals"] + material["copies"] == 0 and not material["accept"]:
            words = ("原件、复印件和上传类型都没有", "no original, no copy, nothing to upload")
            yield Fault(pointer(("materials", place)), "nothing_asked", *words)
        if material["required"] and not material["accept"] and MOBILE_CHANNEL in definition["channels"]:
            words = (
                "手机办理的必要材料须可上传",
                "what is mandatory must be possible to upload, if it is done by phone",
            )
            yield Fault(pointer(("materials", place, "accept")), "not_uploadable", *words)


def _field_faults(definition: Definition) -> Iterator[Fault]:
    """A field that takes a file must be a material of the guide."""
    listed = {material["code"] for material in definition["materials"]}
    for path, entry in _entries(definition["form"]["layout"], ("form", "layout")):
        if entry["widget"] in UPLOAD_WIDGETS and entry["field"].replace("_", "-") not in listed:
            words = (
                f"表单要求的“{entry['field']}”不在办事指南的材料清单里",
                f"`{entry['field']}` is not among the materials of the guide",
            )
            yield Fault(pointer((*path, "field")), "outside_the_guide", *words)


def _commitment_faults(definition: Definition) -> Iterator[Fault]:
    """Who commits themselves ticks something: the field is in the form, and is true or false."""
    field = definition.get("commitment", {}).get("field")
    shape = definition["form"]["schema"].get("properties", {}).get(field, {})
    if field is not None and shape.get("type") != "boolean":
        words = (f"承诺字段“{field}”不是表单中的是否题", f"`{field}` is no yes-or-no field of the form")
        yield Fault("/commitment/field", "commitment", *words)


def _entries(layout: Sequence[Mapping[str, Any]], path: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for place, entry in enumerate(layout):
        yield (*path, place), entry
        yield from _entries(entry.get("fields", ()), (*path, place, "fields"))


def _condition_faults(definition: Definition) -> Iterator[Fault]:
    """The conditions that the form does not look at: those of fees and of a joint service's children."""
    fields = {entry["field"] for _, entry in _entries(definition["form"]["layout"], ())}
    situations = {
        situation["code"]: {option["value"] for option in situation["options"]}
        for situation in definition.get("situations", ())
    }
    for path, condition in _conditions(definition):
        for inner, kind, name, values in names_in(condition, path):
            known = fields if kind == "field" else situations.keys()
            if name not in known:
                words = (f"没有“{name}”这个{_KINDS[kind]}", f"there is no {kind} `{name}`")
                yield Fault(pointer((*inner, kind)), "unknown_name", *words)
            elif kind == "situation" and (strange := set(values) - situations[name]):
                words = (
                    f"情形“{name}”没有选项“{min(strange)}”",
                    f"the situation `{name}` has no option `{min(strange)}`",
                )
                yield Fault(pointer((*inner, "values")), "unknown_option", *words)


_KINDS = {"field": "字段", "situation": "情形"}


def _conditions(definition: Definition) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for place, item in enumerate(definition["fees"].get("items", ())):
        if "when" in item:
            yield ("fees", "items", place, "when"), item["when"]
    for place, child in enumerate(definition.get("joint", {}).get("children", ())):
        if "when" in child:
            yield ("joint", "children", place, "when"), child["when"]
    for place, material in enumerate(definition["materials"]):
        if "needed_when" in material:
            yield ("materials", place, "needed_when"), material["needed_when"]
    for place, situation in enumerate(definition.get("situations", ())):
        if "shown_when" in situation:
            yield ("situations", place, "shown_when"), situation["shown_when"]


def _joint_faults(definition: Definition) -> Iterator[Fault]:
    children = definition.get("joint", {}).get("children", ())
    codes = [child["code"] for child in children]
    at = ("joint", "children")
    yield from _twice(codes, at, "code")
    yield from order_faults(children, at)
    listed = {material["code"] for material in definition["materials"]}
    fields = {entry["field"] for entry in definition["form"]["layout"]}
    for place, child in enumerate(children):
        yield from _unknown(child.get("materials", ()), listed, (*at, place, "materials"), "材料", "material")
        yield from _unknown(child.get("fields", ()), fields, (*at, place, "fields"), "字段", "field")
    if children:
        shared = {code for child in children for code in child.get("materials", ())}
        for code in sorted(listed - shared):
            words = (f"材料“{code}”没有分给任何部门", f"no department gets the material `{code}`")
            yield Fault("/joint/children", "nobody_gets_it", *words)


def _flow_faults(definition: Definition) -> Iterator[Fault]:
    if "flow" in definition:
        yield from flow_faults(definition["flow"])


def _fee_faults(definition: Definition) -> Iterator[Fault]:
    fees = definition["fees"]
    items = fees.get("items", ())
    yield from _twice([item["code"] for item in items], ("fees", "items"), "code")
    if fees["charged"] and not items:
        yield Fault(
            "/fees/items", "no_amount", "收费的，须列出收费项目和金额", "what is charged must be listed with its amount"
        )
    if not fees["charged"] and any(item["amount_fen"] for item in items):
        yield Fault(
            "/fees/charged", "charged", "列有收费金额，charged 却是 false", "amounts are listed, and nothing is charged"
        )


def _applicant_faults(definition: Definition) -> Iterator[Fault]:
    applicants = definition["applicants"]
    kinds, targets = set(applicants["kinds"]), set(definition["targets"])
    if ("minor" in kinds) != ("guardian" in applicants):
        words = (
            "未成年人可以申请的，须写 guardian；否则不写",
            "guardian is said where minors can apply, and only there",
        )
        yield Fault("/applicants/guardian", "guardian", *words)
    if (PERSON_TARGET in targets) != bool(kinds & {"person", "minor"}):
        words = ("服务对象（自然人）与申请人类型不一致", "targets and kinds of applicants disagree on natural persons")
        yield Fault("/applicants/kinds", "targets", *words)
    if bool(targets - {PERSON_TARGET}) != ("organisation" in kinds):
        words = (
            "服务对象（法人或其他组织）与申请人类型不一致",
            "targets and kinds of applicants disagree on organisations",
        )
        yield Fault("/applicants/kinds", "targets", *words)
    if definition["identity"]["level"] == 4 and "reason" not in definition["identity"]:
        words = ("要求最高实名等级的，须说明理由", "the highest identity level is asked for, so say why")
        yield Fault("/identity/reason", "reason", *words)


def _section_faults(definition: Definition) -> Iterator[Fault]:
    """Sections are pages: every field of the form stands on one of them, and no other."""
    sections = definition["form"].get("sections", ())
    fields = [entry["field"] for entry in definition["form"]["layout"]]
    for place, section in enumerate(sections):
        yield from _unknown(section["fields"], set(fields), ("form", "sections", place, "fields"), "字段", "field")
    paged = [name for section in sections for name in section["fields"]]
    for name in fields:
        if sections and paged.count(name) != 1:
            words = (f"字段“{name}”应恰好出现在一页上", f"the field `{name}` must stand on exactly one page")
            yield Fault("/form/sections", "paged", *words)


def _code_faults(definition: Definition) -> Iterator[Fault]:
    for name, known in (("topic_codes", TOPICS), ("life_events", LIFE_EVENTS), ("audiences", AUDIENCES)):
        yield from _unknown(definition.get(name, ()), known.keys(), (name,), "代码", "code")


def _sentence_faults(definition: Definition) -> Iterator[Fault]:
    if len(definition["conditions"]["zh"]) != len(definition["conditions"]["en"]):
        words = ("中英文的条件数目不一样", "there are more sentences in one language than in the other")
        yield Fault("/conditions", "languages", *words)


def _connector_faults(definition: Definition) -> Iterator[Fault]:
    if definition["connector"] == "query" and "data_source" not in definition:
        yield Fault("/data_source", "data_source", "查询类事项须写数据来源", "a query names its data source")


def _department_faults(definition: Definition, known: AbstractSet[str] | None) -> Iterator[Fault]:
    if known is None:
        return
    named: list[tuple[Place, str]] = [(("department",), definition["department"])]
    for place, child in enumerate(definition.get("joint", {}).get("children", ())):
        named.append((("joint", "children", place, "department"), child["department"]))
    for place, node in enumerate(definition.get("flow", {}).get("nodes", ())):
        if "department" in node:
            named.append((("flow", "nodes", place, "department"), node["department"]))
    for path, code in named:
        if code not in known:
            yield Fault(
                pointer(path), "department_unknown", f"没有“{code}”这个部门", f"there is no department `{code}`"
            )


def _region_faults(definition: Definition, known: AbstractSet[str] | None) -> Iterator[Fault]:
    if known is None:
        return
    named: list[tuple[Place, str]] = [(("region",), definition["region"])]
    for place, code in enumerate(definition["handling_scope"].get("regions", ())):
        named.append((("handling_scope", "regions", place), code))
    for path, code in named:
        # A village or a town need not be in the list, when its county is.
        if code not in known and code[:6] not in known:
            yield Fault(pointer(path), "region_unknown", f"没有“{code}”这个行政区划", f"there is no region `{code}`")


def _twice(codes: Sequence[str], path: Place, key: str) -> Iterator[Fault]:
    for place, code in enumerate(codes):
        if code in codes[:place]:
            yield Fault(pointer((*path, place, key)), "twice", f"“{code}”重复", f"`{code}` is there twice")


def _unknown(codes: Sequence[str], known: AbstractSet[str], path: Place, zh: str, en: str) -> Iterator[Fault]:
    for place, code in enumerate(codes):
        if code not in known:
            yield Fault(pointer((*path, place)), "unknown_name", f"没有“{code}”这个{zh}", f"there is no {en} `{code}`")


_CHECKS: tuple[Callable[[Definition], Iterator[Fault]], ...] = (
    _limit_faults,
    _date_faults,
    _material_faults,
    _field_faults,
    _commitment_faults,
    _section_faults,
    _condition_faults,
    _joint_faults,
    _flow_faults,
    _fee_faults,
    _applicant_faults,
    _code_faults,
    _sentence_faults,
    _connector_faults,
)
