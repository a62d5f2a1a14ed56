"""Masks: how much of a person is shown to somebody who need not know all (domain-facts §4.4)."""

from __future__ import annotations

# The compound surnames still in common use; a surname stays readable so that a caller can be greeted.
_COMPOUND_SURNAMES = frozenset(
    name
    for row in (
        "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶",
        "太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良",
        "漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 左丘 东门 西门",
    )
    for name in row.split()
)


def name(text: str) -> str:
    """`李建国` → `李**`, `欧阳雪` → `欧阳*`, `阿依古丽·买买提` → `阿***·***`, `John Smith` → `J*** S****`.

    A name of one character, or of initials only, is hidden whole.
    """
    if len(text) < 2:
        return "*"
    if any(separator in text for separator in "·• "):
        shown = _masked_parts(text)
        return shown if "*" in shown else "*" * len(text)
    if text.isascii():
        return text[0] + "*" * (len(text) - 1)
    kept = 2 if len(text) > 2 and text[:2] in _COMPOUND_SURNAMES else 1
    return text[:kept] + "*" * (len(text) - kept)


def _masked_parts(text: str) -> str:
    latin = text.isascii()
    start_of_part, first, masked = True, True, []
    for character in text:
        if character in "·• ":
            masked.append(character)
            start_of_part = True
            continue
        masked.append(character if start_of_part and (first or latin) else "*")
        start_of_part = first = False
    return "".join(masked)


def document_number(text: str) -> str:
    """First three and last four characters: enough for a desk to compare, too little to rebuild."""
    if len(text) < 9:
        return text[:1] + "*" * (len(text) - 1)
    return text[:3] + "*" * (len(text) - 7) + text[-4:]


def phone(text: str) -> str:
    """`13812345678` → `138****5678`."""
    if len(text) < 8:
        return "*" * len(text)
    return text[:3] + "*" * (len(text) - 7) + text[-4:]


def anything(value: object) -> object:
    """An answer whose kind nobody declared: its length class stays, its content goes."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return value[:1] + "***" if len(value) > 1 else "*"
    if isinstance(value, dict):
        return {key: anything(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [anything(inner) for inner in value]
    return "***"
