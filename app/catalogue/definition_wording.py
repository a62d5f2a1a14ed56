"""Wording for the authors of forms: what is wrong in a definition, told when it is validated or published."""

from __future__ import annotations

from app.catalogue.wording import Words

DEFINITION_FAULTS: dict[str, Words] = {
    "too_much": {"zh": "定义太大或者嵌套太深", "en": "The definition is too large or nested too deep"},
    "not_json": {
        "zh": "定义里有 JSON 表达不了的内容，例如没加引号的日期",
        "en": "The definition holds something that is no JSON, for example a date without quotation marks",
    },
    "not_a_schema": {"zh": "这里应是一个 JSON Schema", "en": "A JSON Schema belongs here"},
    "keyword": {"zh": "表单里不能用关键字 {detail}", "en": "Forms may not use the keyword {detail}"},
    "dialect": {
        "zh": "$schema 只能写在最外层，并且必须是 2020-12 版",
        "en": "$schema stands at the top only and must name the draft 2020-12",
    },
    "reference": {
        "zh": "$ref 只能指向本文件之内（#/$defs/…）",
        "en": "$ref may point inside this schema only (#/$defs/…)",
    },
    "format": {"zh": "没有 {detail} 这种格式", "en": "There is no format {detail}"},
    "pattern": {
        "zh": "正则表达式太长，或者用了并非各端都支持的写法",
        "en": "The pattern is too long or uses what not every client understands",
    },
    "schema": {"zh": "JSON Schema 有错：{detail}", "en": "The JSON Schema is wrong: {detail}"},
    "open_object": {
        "zh": "必须是 type: object 并写明 additionalProperties: false",
        "en": "Must be type: object with additionalProperties: false",
    },
    "unbounded_text": {
        "zh": "文字必须限定长度（maxLength 不超过 {detail}）",
        "en": "A text needs a maxLength of at most {detail}",
    },
    "unbounded_list": {
        "zh": "列表必须限定项数（maxItems 不超过 {detail}）",
        "en": "A list needs maxItems of at most {detail}",
    },
    "untyped": {"zh": "必须写明 type、enum 或 const", "en": "Needs type, enum or const"},
    "reserved": {"zh": "{detail} 是保留的名称", "en": "The name {detail} is reserved"},
    "twice": {"zh": "{detail} 出现了两次", "en": "{detail} is there twice"},
    "no_such_field": {"zh": "schema 里没有字段 {detail}", "en": "The schema has no field {detail}"},
    "not_in_layout": {"zh": "layout 里没有字段 {detail}", "en": "The layout lacks the field {detail}"},
    "options": {
        "zh": "选项必须与 schema 里的 enum 完全一致",
        "en": "The options must be exactly the enum of the schema",
    },
    "no_group": {
        "zh": "重复组必须是对象数组（type: array，items 为 object）",
        "en": "A repeating group must be an array of objects",
    },
    "not_understood": {"zh": "条件或算式有错：{detail}", "en": "A condition or expression is wrong: {detail}"},
}
"""Finding → words; `{detail}` is the name or number it is about."""
