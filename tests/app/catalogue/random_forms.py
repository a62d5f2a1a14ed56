"""Random forms: strategies that draw the form of a service, a person and answers that nearly fit."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TODAY = date(2026, 11, 22)
OPTIONS = ["a", "b", "c"]
CITIZEN_IDS = [
    "11010519491231002X",
    "44052418800101001４",
    "34052419800101001x",
    "110105200002290021",
    "53010219200508011X",
]
DAYS = ["2024-02-29", "2023-02-28", "2026-11-22", "2026-11-23", "1990-01-31", "2023-02-29", "0001-01-01", "9999-12-31"]

Data = dict[str, Any]


def patient(examples: int) -> settings:
    """A whole form takes long to draw, the more so on a machine that does other work too."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


KINDS: dict[str, Data] = {
    "choice": {"type": "string", "enum": OPTIONS},
    "truth": {"type": "boolean"},
    "whole": {"type": "integer", "minimum": -5, "maximum": 100},
    "amount": {"type": "number", "maximum": 10},
    "day": {"type": "string", "format": "date", "maxLength": 10},
    "id": {"type": "string", "format": "citizen-id", "maxLength": 30},
    "phone": {"type": "string", "format": "cn-mobile", "maxLength": 30},
    "line": {"type": "string", "format": "text-line", "minLength": 1, "maxLength": 20},
    "many": {"type": "array", "maxItems": 3, "uniqueItems": True, "items": {"type": "string", "enum": OPTIONS}},
}
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "choice": st.sampled_from(OPTIONS),
    "truth": st.booleans(),
    "whole": st.integers(-5, 100),
    "amount": st.floats(-10, 10).map(lambda x: round(x, 2)) | st.sampled_from([0.1, 0.2, 0.3]),
    "day": st.sampled_from(DAYS) | st.dates(date(1900, 1, 1), date(2030, 1, 1)).map(date.isoformat),
    "id": st.sampled_from(CITIZEN_IDS),
    "phone": st.sampled_from(["13812345678", "１３８ 1234-5678", "1381234567"]),
    "line": st.text("示例ab 1", max_size=8),
    "many": st.lists(st.sampled_from(OPTIONS), max_size=4),
}
ODD = st.sampled_from(
    [None, "", " ", "a", "x", True, 0, 1, -0.0, 5.0, 1e300, 2**53 - 1, -0.5, [], ["a"], {}, {"a": 1}, [{}, 1]]
)
SOURCES = ["name", "document_number", "phone", "birth_date", "gender", "age"]


def words(text: str) -> Data:
    return {"zh": text, "en": text}


class Known:
    """The names that a condition may use at one place: fields as they are written there, lists, groups, situations."""

    def __init__(
        self, fields: list[str], lists: list[str], columns: list[tuple[str, str]], situations: list[str]
    ) -> None:
        self.fields, self.lists, self.columns, self.situations = fields, lists, columns, situations


def expressions(known: Known, depth: int = 2) -> st.SearchStrategy[Data]:
    leaves: list[st.SearchStrategy[Data]] = [
        st.fixed_dictionaries({"value": st.sampled_from([1, 0.1, 18, -3, "a", "2024-02-29", True, 1e9, 12345678.9])}),
        st.just({"today": True}),
    ]
    if known.fields:
        leaves += [st.fixed_dictionaries({"field": st.sampled_from(known.fields)})] * 3
    if known.situations:
        leaves.append(st.fixed_dictionaries({"situation": st.sampled_from(known.situations)}))
    if known.lists:
        leaves.append(st.fixed_dictionaries({"count": st.sampled_from(known.lists)}))
    leaf = st.one_of(leaves)
    if depth == 0:
        return leaf
    inner = expressions(known, depth - 1)
    term = inner
    if known.columns:
        term |= st.sampled_from(known.columns).map(lambda column: {"items": column[0], "field": column[1]})
    return st.one_of(
        leaf,
        st.fixed_dictionaries({"sum": st.lists(term, min_size=1, max_size=4)}),
        st.fixed_dictionaries(
            {"concat": st.lists(term, min_size=1, max_size=3)},
            optional={"separator": st.sampled_from(["", "、", ", "])},
        ),
        st.sampled_from(["birth_date", "age"]).flatmap(lambda kind: st.fixed_dictionaries({kind: inner})),
        st.sampled_from(["days", "months", "years"]).flatmap(
            lambda kind: st.fixed_dictionaries({kind: st.lists(inner, min_size=2, max_size=2)})
        ),
    )


def conditions(known: Known, depth: int = 2) -> st.SearchStrategy[Data]:
    values = st.lists(st.sampled_from([*OPTIONS, True, False, 0, 1, 18, ""]), min_size=1, max_size=3)
    operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    side = expressions(known, 1)
    leaves: list[st.SearchStrategy[Data]] = [
        st.fixed_dictionaries({"compare": st.tuples(side, operators, side).map(list)})
    ]
    if known.fields:
        names = st.sampled_from(known.fields)
        leaves += [st.fixed_dictionaries({"field": names, "values": values})] * 2
        leaves.append(st.fixed_dictionaries({"field": names, "filled": st.booleans()}))
    if known.situations:
        leaves.append(st.fixed_dictionaries({"situation": st.sampled_from(known.situations), "values": values}))
    leaf = st.one_of(leaves)
    if depth == 0:
        return leaf
    inner = conditions(known, depth - 1)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        leaf,
        leaf,
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"any": several}),
        st.fixed_dictionaries({"all": several}),
    )


@st.composite
def definitions(draw: st.DrawFn) -> tuple[Data, Data]:
    """A definition with `form` and `situations`, and the kind of each field (a dictionary of kinds for a group).

    Whatever is drawn later may look at whatever was drawn before it; the layout is then shuffled.
    """
    known = Known([], [], [], [])
    situations = [_situation(draw, f"s{number}", known) for number in range(draw(st.integers(0, 2)))]
    layout: list[Data] = []
    properties: Data = {}
    kinds: Data = {}
    for number in range(draw(st.integers(1, 6))):
        name = f"f{number}"
        if draw(st.integers(0, 3)) == 0:
            entry, schema, kinds[name] = _group(draw, name, known)
        else:
            kind = draw(st.sampled_from(list(KINDS)))
            entry, schema, kinds[name] = _field(draw, name, known), KINDS[kind], kind
        layout.append(entry)
        properties[name] = schema
        known.fields.append(name)
        if kinds[name] == "many":
            known.lists.append(name)
    rules = [_rule(draw, f"r{number}", known, layout) for number in range(draw(st.integers(0, 2)))]
    required = draw(st.lists(st.sampled_from(list(properties)), unique=True))
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    form = {"schema": schema, "layout": draw(st.permutations(layout)), "rules": rules}
    return {"form": form, "situations": draw(st.permutations(situations))}, kinds


def _situation(draw: st.DrawFn, code: str, known: Known) -> Data:
    situation: Data = {
        "code": code,
        "question": words(code),
        "options": [{"value": o, "label": words(o)} for o in OPTIONS],
    }
    if bool(known.situations) and draw(st.booleans()):
        situation["shown_when"] = draw(conditions(known, 1))
    known.situations.append(code)
    return situation


def _field(draw: st.DrawFn, name: str, known: Known, prefill: bool = True) -> Data:
    entry: Data = {"field": name, "label": words(name), "purpose": words("p"), "sensitive": False, "widget": "text"}
    if draw(st.booleans()):
        entry["shown_when"] = draw(conditions(known))
    set_by = draw(st.integers(0, 5))
    if set_by == 0:
        entry["computed"] = draw(expressions(known))
    elif set_by == 1 and prefill:
        entry["prefill"] = {"from": draw(st.sampled_from(SOURCES)), "editable": draw(st.booleans())}
    if draw(st.booleans()):
        entry["required"] = draw(st.booleans())
    return entry


def _group(draw: st.DrawFn, name: str, known: Known) -> tuple[Data, Data, Data]:
    entry = {key: value for key, value in _field(draw, name, known, prefill=False).items() if key != "computed"}
    entry |= {"widget": "group", "item_label": words("{n}"), "fields": []}
    properties, kinds = {}, {}
    within = Known(
        [f"/{field}" for field in known.fields],
        [f"/{field}" for field in known.lists],
        [],
        known.situations,
    )
    for number in range(draw(st.integers(1, 3))):
        inner = f"i{number}"
        kinds[inner] = draw(st.sampled_from(["choice", "truth", "whole", "amount", "day", "id", "many"]))
        entry["fields"].append(_field(draw, inner, within, prefill=False))
        properties[inner] = KINDS[kinds[inner]]
        within.fields.append(inner)
    known.columns += [(name, inner) for inner in properties]
    known.lists.append(name)
    required = draw(st.lists(st.sampled_from(list(properties)), unique=True))
    items = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    entry["fields"] = draw(st.permutations(entry["fields"]))
    return entry, {"type": "array", "minItems": draw(st.integers(0, 1)), "maxItems": 3, "items": items}, kinds


def _rule(draw: st.DrawFn, code: str, known: Known, layout: list[Data]) -> Data:
    groups = {entry["field"]: [inner["field"] for inner in entry["fields"]] for entry in layout if "fields" in entry}
    each = draw(st.sampled_from([None, *groups]))
    fields, lists = known.fields, known.lists
    rule: Data = {"code": code, "words": words(code)}
    if each is not None:
        rule["each"] = each
        fields, lists = [f"/{name}" for name in fields] + groups[each], [f"/{name}" for name in lists]
    here = Known(fields, lists, known.columns if each is None else [], known.situations)
    if draw(st.booleans()):
        rule["when"] = draw(conditions(here, 1))
    rule["check"] = draw(conditions(here, 1))
    rule["at"] = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=2, unique=True))
    return rule


@st.composite
def answers_to(draw: st.DrawFn, definition: Data, kinds: Data) -> Data:
    answers = {name: draw(_answer(kind)) for name, kind in kinds.items() if draw(st.integers(0, 4)) > 0}
    codes = [situation["code"] for situation in definition["situations"]]
    if codes and draw(st.integers(0, 5)) > 0:
        chosen = {code: draw(_answer("choice")) for code in codes if draw(st.integers(0, 3)) > 0}
        answers["situations"] = draw(st.just(chosen) | st.just(chosen) | ODD)
    return answers


def _answer(kind: str | Data) -> st.SearchStrategy[Any]:
    if isinstance(kind, str):
        return st.one_of(FITTING[kind], FITTING[kind], FITTING[kind], ODD)
    item = st.fixed_dictionaries({}, optional={name: _answer(inner) for name, inner in kind.items()})
    return st.lists(item, max_size=3) | st.lists(item | ODD, max_size=3) | ODD
