"""Masked answers: which mask an answer wants, by what its form says of the field, else by the field's name.

The form's word comes first: its `sensitive` mark hides what no identifier's mask covers, yes and no included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.people import free_text, masks

Mask = Callable[[str], str]

_BY_WIDGET: dict[str, Mask] = {
    "id-card": masks.document_number,
    "phone": masks.phone,
    "bank-card": masks.bank_card,
    "email": masks.email,
    "plate": masks.plate,
    "date": masks.day,
    "region": masks.region,
}
_BY_FORMAT: dict[str, Mask] = {
    "citizen-id": masks.document_number,
    "cn-mobile": masks.phone,
    "bank-card": masks.bank_card,
    "email": masks.email,
    "date": masks.day,
    "past-date": masks.day,
    "region-code": masks.region,
}
# By the field's name and its Chinese label. The order matters: a bank's name is no person's number.
_BY_NAME: tuple[tuple[re.Pattern[str], Mask], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), mask)
    for pattern, mask in (
        (r"e_?mail|邮箱|电子邮件", masks.email),
        (r"phone|mobile|(^|_)tel(_|$)|电话|手机", masks.phone),
        (r"(^|_)name$|姓名|名称", masks.name),
        (r"bank_?(card|account)|card_number|account_number|银行卡|卡号|账号", masks.bank_card),
        (r"(document|id|passport|permit|certificate)_(number|no|card)$|身份证|证件号", masks.document_number),
        (r"plate|车牌", masks.plate),
        (r"address|hukou|地址|住址", masks.address),
        (r"(^|_)(date|birthday|born|birth|since|until)(_|$)|日期", masks.day),
    )
)

_IDENTIFIERS = frozenset({masks.document_number, masks.phone, masks.bank_card, masks.email, masks.plate})


def masked(field: str, value: Any, layout: Mapping[str, Any], schema: Mapping[str, Any], language: str) -> Any:
    """An answer as staff see it. `layout` and `schema` are what the form says of the field, empty for a stranger."""
    mask = _mask_of(field, layout, schema)
    if layout.get("sensitive") and mask not in _IDENTIFIERS:
        return None if value is None else masks.HIDDEN
    chosen = _choice(value, layout, language)
    return _deep(value, mask, bool(layout.get("sensitive"))) if chosen is None else chosen


def _mask_of(field: str, layout: Mapping[str, Any], schema: Mapping[str, Any]) -> Mask:
    declared = _BY_WIDGET.get(str(layout.get("widget"))) or _BY_FORMAT.get(str(schema.get("format")))
    if declared is not None:
        return declared
    label = layout.get("label") or {}
    words = f"{field} {label.get('zh', '')}"
    return next((mask for name, mask in _BY_NAME if name.search(field) or name.search(words)), masks.text_of)


def _choice(value: Any, layout: Mapping[str, Any], language: str) -> str | None:
    """The words of a chosen option: one of a few that the form itself prints says little about a person."""
    for option in layout.get("options") or ():
        if isinstance(value, str) and option.get("value") == value:
            return str(option["label"][language])
    return None


def _deep(value: Any, mask: Mask, sensitive: bool) -> Any:
    """Objects keep their shape, and each inner value is masked by the name it has there."""
    if value is None or (isinstance(value, bool) and not sensitive):
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_deep(inner, mask, sensitive) for inner in value]
    if isinstance(value, dict):
        return {
            free_text.masked(str(name)): _deep(inner, _mask_of(str(name), {}, {}), sensitive)
            for name, inner in value.items()
        }
    return masks.HIDDEN
