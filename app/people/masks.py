"""Masks: how much of a person is shown to somebody who need not know all (domain-facts §4.4).

Each mask takes one kind of text and raises for none. What it hides it never gives back whole: a text too short to
be shown in part is hidden whole. Identifiers inside running text are the business of `free_text.py`.
"""

from __future__ import annotations

import re
import unicodedata

# The compound surnames still in common use, in both scripts; a surname stays readable so that a caller can be greeted.
_COMPOUND_SURNAMES = frozenset(
    name
    for row in (
        "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶",
        "太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良",
        "漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 左丘 东门 西门 第五 梁丘",
        "歐陽 司馬 東方 獨孤 南宮 萬俟 聞人 諸葛 尉遲 公羊 赫連 澹臺 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 巫馬",
    )
    for name in row.split()
)

# Between the parts of a name: what keyboards offer for the dot of a minority name, and spaces.
_BETWEEN = frozenset("·•・.．‧∙⋅⸱᛫● \u3000\u00a0")

HIDDEN = "***"


def name(text: str) -> str:
    """`李建国` → `李**`, `欧阳雪` → `欧阳*`, `阿依古丽·买买提` → `阿***·***`, `John Smith` → `J*** S****`.

    A name of one character, or of initials only, is hidden whole.
    """
    if len(text) < 2:
        return "*"
    if any(character in _BETWEEN for character in text):
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
        if character in _BETWEEN:
            masked.append(character)
            start_of_part = True
            continue
        masked.append(character if start_of_part and (first or latin) else "*")
        start_of_part = first = False
    return "".join(masked)


def document_number(text: str) -> str:
    """For the desk: first three and last four of an ID number, so that a caller's card can be compared.

    Shorter numbers, such as those of passports and permits, show less: at least two thirds stay hidden.
    """
    if len(text) < 9:
        return text[:1] + "*" * (len(text) - 1) if len(text) > 1 else "*" * len(text)
    first, last = (3, 4) if len(text) >= 15 else (1, 2)
    return text[:first] + "*" * (len(text) - first - last) + text[-last:]


def document_number_in_list(text: str) -> str:
    """For lists, where several people stand: `532399198806150316` → `5****************6`."""
    if len(text) < 9:
        return "*" * len(text)
    return text[0] + "*" * (len(text) - 2) + text[-1]


_COUNTRY_CODE = re.compile(r"(?:\+|00)86")
_BETWEEN_DIGITS = frozenset("+-() ")


def phone(text: str) -> str:
    """`13812345678` → `138****5678`, `+86 138…` alike, `0871-63112345` → `0871-******45`; a short one is hidden."""
    places = [place for place, character in enumerate(text) if character.isdecimal()]
    country = _COUNTRY_CODE.match(unicodedata.normalize("NFKC", text).strip())
    known = sum(character.isdecimal() for character in country[0]) if country else 0
    digits = [str(unicodedata.decimal(text[place])) for place in places[known:]]
    first, last = _of_phone("".join(digits))
    shown = {*places[: known + first], *places[len(places) - last :]} if first + last else set()
    return "".join(
        character if place in shown or character in _BETWEEN_DIGITS else "*" for place, character in enumerate(text)
    )


def _of_phone(digits: str) -> tuple[int, int]:
    """How many digits are shown at the beginning and at the end."""
    if len(digits) >= 10 and digits[0] == "0":
        # Area codes have three digits in the greatest cities (010, 02x), else four.
        return (3 if digits[1] in "12" else 4), 2
    if len(digits) >= 11:
        return 3, 4
    return (0, 2) if len(digits) >= 7 else (0, 0)


_PROVINCES = (
    "北京|天津|上海|重庆|河北|山西|内蒙古|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|"
    "海南|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆|台湾|香港|澳门"
)
_PROVINCE = rf"(?:{_PROVINCES})(?:省|市|维吾尔自治区|壮族自治区|回族自治区|自治区|特别行政区)?"
# Neither a market hall (超市, 菜市场) nor a housing estate (小区, 社区) is a place that the state has drawn.
_PREFECTURE = r"[\u4e00-\u9fff]{1,10}?(?:自治州|地区|盟|(?<![超菜门夜集花早])市)"
_COUNTY = (
    r"[\u4e00-\u9fff]{1,12}?(?:自治县|自治旗|县|旗|特区|林区|(?<![超菜门夜集花早])市(?!场)"
    r"|(?<![小社校园厂库矿景片街营辖东西南北])区)"
)
_TO_COUNTY = re.compile(rf"(?:({_PROVINCE})({_PREFECTURE})?|({_PREFECTURE}))({_COUNTY})?")


def address(text: str) -> str:
    """To the county: `云南省昆明市五华区学府路1号` → `云南省昆明市五华区****`.

    What does not begin with a province or a prefecture is hidden whole, and of one that ends with its county, the
    last level.
    """
    found = _TO_COUNTY.match(text)
    levels = [level for level in found.groups() if level] if found else []
    if levels and "".join(levels) == text.strip():
        levels.pop()
    return "".join(levels) + "****"


def region(text: str) -> str:
    """A GB/T 2260 area code to its county: `532999001002` → `532999******`; a county's own to its city: `5329**`."""
    if not text.isdecimal() or len(text) not in (6, 9, 12):
        return text_of(text)
    kept = 6 if len(text) > 6 else 4
    return text[:kept] + "*" * (len(text) - kept)


def bank_card(text: str) -> str:
    """`6217000010001234567` → `***************4567`."""
    return "*" * (len(text) - 4) + text[-4:] if len(text) >= 12 else "*" * len(text)


def plate(text: str) -> str:
    """`云A12345` → `云A****5`."""
    return text[:2] + "*" * (len(text) - 3) + text[-1:] if len(text) >= 6 else "*" * len(text)


def email(text: str) -> str:
    """`li.jianguo@example.com` → `l***@example.com`."""
    local, at, domain = text.rpartition("@")
    if not at or not domain:
        return HIDDEN
    return (local[:1] if len(local) > 2 else "") + HIDDEN + at + domain


_YEAR = re.compile(r"(?:19|20)\d\d(?=\D|\d{4}$)")


def day(text: str) -> str:
    """`1988-06-15` → `1988-**-**`; what is no date is hidden."""
    if not _YEAR.match(text) or len(text) > 11:
        return HIDDEN
    return text[:4] + "".join("*" if character.isalnum() else character for character in text[4:])


_EXTENSION = re.compile(r"\.[A-Za-z]{2,4}[0-9]?$")


def filename(text: str) -> str:
    """`欧阳雪的身份证.png` → `***.png`: people write themselves into the names of their files."""
    extension = _EXTENSION.search(text)
    return HIDDEN + (extension[0] if extension else "")


def text_of(text: str) -> str:
    """Words whose kind nobody declared: only the first character stays."""
    return text[:1] + HIDDEN if len(text) > 1 else "*" * len(text)


def anything(value: object) -> object:
    """An answer whose kind nobody declared: its shape stays, its content goes."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, dict):
        return {key: anything(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [anything(inner) for inner in value]
    return HIDDEN
