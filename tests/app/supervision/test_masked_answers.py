"""Masked answers: the form says what a field is; where it says nothing, the field's name does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.supervision.masked_answers import masked

OPTIONS = [{"value": "self", "label": {"zh": "自己的卡", "en": "My own"}}]


@pytest.mark.parametrize(
    ("field", "value", "layout", "schema", "shown"),
    [
        (
            "helper_document_number",
            "532399198806150316",
            {"widget": "id-card", "sensitive": True},
            {},
            "532***********0316",
        ),
        ("contact_phone", "13812345678", {"widget": "phone"}, {}, "138****5678"),
        ("contact_phone", "13812345678", {}, {"format": "cn-mobile"}, "138****5678"),
        ("bank_card", "6217000010001234567", {"widget": "bank-card", "sensitive": True}, {}, "***************4567"),
        ("address_region", "532999001002", {"widget": "region"}, {}, "532999******"),
        ("residing_since", "2025-09-01", {"widget": "date"}, {}, "2025-**-**"),
        ("born", "1943-03-08", {"widget": "date", "sensitive": True}, {}, "***"),
        ("account_owner", "self", {"widget": "radio", "options": OPTIONS}, {}, "自己的卡"),
        ("account_owner", "self", {"widget": "radio", "options": OPTIONS, "sensitive": True}, {}, "***"),
        ("account_owner", "somebody", {"widget": "radio", "options": OPTIONS}, {}, "s***"),
        ("paid_elsewhere", True, {"widget": "switch"}, {}, True),
        ("lives_alone", True, {"widget": "switch", "sensitive": True}, {}, "***"),
        ("income", 1200, {"sensitive": True}, {}, "***"),
        ("rooms", 3, {}, {}, "***"),
        ("illness", "高血压", {"widget": "text", "sensitive": True}, {}, "***"),
        ("illness", None, {"widget": "text", "sensitive": True}, {}, None),
        ("emergency_contact_name", "端木种瓜", {"widget": "text"}, {}, "端木**"),
        ("address_detail", "太平镇幸福路18号", {"widget": "textarea"}, {}, "****"),
        ("delivery", "太平镇", {"widget": "text", "label": {"zh": "收件地址", "en": "Where to"}}, {}, "****"),
        ("email", "li.jianguo@example.com", {}, {}, "l***@example.com"),
        ("plate", "云A12345", {}, {}, "云A****5"),
        ("remark", "邻居帮我填的", {}, {}, "邻***"),
        ("phones", ["13812345678", "110"], {}, {}, ["138****5678", "***"]),
        (
            "family",
            [{"name": "欧阳雪", "id_card": "532399198806150316", "age": 30, "alive": True, "13812345678": "x"}],
            {},
            {},
            [{"name": "欧阳*", "id_card": "532***********0316", "age": "***", "alive": True, "*******5678": "*"}],
        ),
        ("family", [{"alive": True}], {"sensitive": True}, {}, "***"),
        ("bank_card", 6217000010001234567, {"widget": "bank-card"}, {}, "***"),
        ("bank_card", {"owner": True}, {"widget": "bank-card", "sensitive": True}, {}, {"owner": "***"}),
    ],
)
def test_a_field_gets_the_mask_of_its_kind(
    field: str, value: Any, layout: dict[str, Any], schema: dict[str, Any], shown: Any
) -> None:
    assert masked(field, value, layout, schema, "zh") == shown


SECRET = st.text("abcdefgh东南西北0123456789", min_size=3, max_size=30)
WIDGETS = ["text", "textarea", "id-card", "phone", "bank-card", "date", "region", "radio", "switch", "new-one", None]
FIELDS = ["name", "address", "remark", "phone", "family", "13812345678", ""]
LAYOUTS = st.fixed_dictionaries(
    {}, optional={"widget": st.sampled_from(WIDGETS), "sensitive": st.booleans(), "label": st.none()}
)
TREES = st.recursive(
    SECRET,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)


def leaves(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [leaf for part in inner for leaf in leaves(part)]


@given(field=st.sampled_from(FIELDS), value=TREES, layout=LAYOUTS, language=st.sampled_from(["zh", "en"]))
def test_whatever_the_shape_no_text_in_it_comes_out_whole(
    field: str, value: Any, layout: dict[str, Any], language: str
) -> None:
    shown = leaves(masked(field, value, layout, {}, language))

    assert not set(leaves(value)) & set(shown)
    assert all("*" in leaf for leaf in shown)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), LAYOUTS)
def test_no_value_makes_it_stumble(value: Any, layout: dict[str, Any]) -> None:
    masked("field", value, layout, {}, "en")
