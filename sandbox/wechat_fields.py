"""Which values a WeChat template field takes (subscribeMessage.send, table 参数值限制)."""

import re
from datetime import date

# The basic block of Chinese characters and its first extension.
CHINESE = r"[\u3400-\u4dbf\u4e00-\u9fff]"
CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日 ")
PATTERNS = {
    "thing": re.compile(r".{1,20}", re.DOTALL),
    "phrase": re.compile(rf"{CHINESE}{{1,5}}"),
    "character_string": re.compile(r"[\x20-\x7e]{1,32}"),
    "time": re.compile(rf"(?:\d{{4}}年\d{{1,2}}月\d{{1,2}}日 )?{CLOCK}"),
}

# 办件进度提醒, the one template of the sandbox.
PROGRESS = {
    "thing1": "事项名称",
    "character_string2": "办件编号",
    "phrase3": "办理进度",
    "time4": "更新时间",
    "thing5": "温馨提示",
}


def first_bad_field(data: object) -> str | None:
    """The name WeChat would put into errmsg, or None when everything fits.

    Every field of the template must be there. A field the template does not know is refused as well: stricter
    than WeChat, because it can only be a mistake.
    """
    if not isinstance(data, dict):
        return "data"
    for name in [*PROGRESS, *(name for name in data if name not in PROGRESS)]:
        field = data.get(name)
        value = field.get("value") if isinstance(field, dict) else None
        if name not in PROGRESS or not isinstance(value, str) or not fits(name.rstrip("0123456789"), value):
            return f"data.{name}.value"
    return None


def fits(kind: str, value: str) -> bool:
    """Whether a value suits a field of this kind. A time may be a range with ~."""
    if kind == "time":
        ends = re.split(" ?~ ?", value)
        return len(ends) <= 2 and all(is_time(end) for end in ends)
    return bool(value.strip()) and PATTERNS[kind].fullmatch(value) is not None


def is_time(value: str) -> bool:
    """`15:01` or `2019年10月1日 15:01`, with a day that exists."""
    if PATTERNS["time"].fullmatch(value) is None:
        return False
    found = DAY.match(value)
    try:
        return found is None or bool(date(*(int(part) for part in found.groups())))
    except ValueError:
        return False
