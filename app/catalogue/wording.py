"""Wording: how a fault in a form is told, by the keyword of JSON Schema that found it.

`{label}` is the field's name as the resident sees it, `{value}` what the schema asks for. An answer itself is
never repeated.
"""

from __future__ import annotations

Words = dict[str, str]

PLEASE_FILL_IN: Words = {"zh": "请填写{label}", "en": "Please fill in {label}"}
PLEASE_CHOOSE: Words = {"zh": "请选择{label}", "en": "Please choose {label}"}
THE_FORM: Words = {"zh": "表单", "en": "The form"}
GENERAL_FAULT: Words = {"zh": "{label}填写有误，请检查", "en": "{label} is not right, please check it"}
THE_SITUATION: Words = {"zh": "办理情形", "en": "Your situation"}
TOO_MUCH: Words = {
    "zh": "填写的内容太多，请删掉一些再提交",
    "en": "There is too much in this form, please take something out",
}
TOO_LARGE: Words = {"zh": "有一个数字太大，请检查", "en": "One of the numbers is too large, please check it"}
IN_AN_ITEM: Words = {"zh": "{item}的{label}", "en": "{label} ({item})"}
"""How a field inside a repeating group is called: `第2个孩子的姓名`."""
UNREADABLE: Words = {
    "zh": "填写的内容里有无法识别的字符，请重新填写",
    "en": "The answers hold characters that can not be read, please fill them in again",
}

BLANK = frozenset({"minLength", "pattern", "format", "enum"})
"""Keywords that a blank text fails although nothing wrong was typed: it is asked for like a missing field."""

UNEXPECTED = frozenset({"additionalProperties", "unevaluatedProperties"})
"""Keywords whose `{value}` lists fields that the form does not have."""

_CHOOSE: Words = {"zh": "请从给出的选项里选择{label}", "en": "Please choose {label} from the options given"}

FAULTS: dict[str, Words] = {
    "type": {"zh": "{label}的内容类型不对，请检查", "en": "{label} has the wrong type, please check it"},
    "format": GENERAL_FAULT,
    "pattern": {"zh": "{label}的格式不对，请检查", "en": "{label} is not written right, please check it"},
    "minLength": {"zh": "{label}至少要写{value}个字", "en": "{label} must have at least {value} characters"},
    "maxLength": {"zh": "{label}最多写{value}个字", "en": "{label} can have at most {value} characters"},
    "enum": _CHOOSE,
    "const": {"zh": "请确认{label}", "en": "Please confirm {label}"},
    "minimum": {"zh": "{label}不能小于{value}", "en": "{label} must be at least {value}"},
    "maximum": {"zh": "{label}不能大于{value}", "en": "{label} must be at most {value}"},
    "exclusiveMinimum": {"zh": "{label}必须大于{value}", "en": "{label} must be more than {value}"},
    "exclusiveMaximum": {"zh": "{label}必须小于{value}", "en": "{label} must be less than {value}"},
    "multipleOf": {"zh": "{label}必须是{value}的倍数", "en": "{label} must be a multiple of {value}"},
    "minItems": {"zh": "{label}至少要有{value}项", "en": "{label} needs at least {value} items"},
    "maxItems": {"zh": "{label}最多{value}项", "en": "{label} can have at most {value} items"},
    "uniqueItems": {"zh": "{label}里有重复的内容", "en": "{label} holds the same item twice"},
    "contains": {"zh": "{label}缺少必须有的一项", "en": "{label} lacks an item that it must have"},
    "minProperties": {"zh": "{label}填写不完整", "en": "{label} is not complete"},
    "maxProperties": {"zh": "{label}填写的项目太多", "en": "{label} holds too many items"},
    "additionalProperties": {"zh": "表单里没有这一项", "en": "The form has no such field"},
    "unevaluatedProperties": {"zh": "表单里没有这一项", "en": "The form has no such field"},
    "falseSchema": {"zh": "这里不用填{label}", "en": "{label} is not asked for here"},
    "anyOf": {"zh": "{label}不符合任何一种允许的填法", "en": "{label} fits none of the ways to fill it in"},
    "oneOf": {"zh": "{label}只能符合一种填法，请检查", "en": "{label} must fit exactly one of the ways"},
    "not": {"zh": "{label}不能这样填", "en": "{label} can not be filled in like this"},
    "if": GENERAL_FAULT,
}
"""Keyword → words. A keyword without an entry is told with GENERAL_FAULT."""

FORMAT_FAULTS: dict[str, Words] = {
    "date": {
        "zh": "{label}应为真实的日期，例如 2026-03-01",
        "en": "{label} must be a real date, for example 2026-03-01",
    },
    "past-date": {
        "zh": "{label}应为真实的日期，例如 2026-03-01，并且不能晚于今天",
        "en": "{label} must be a real date, for example 2026-03-01, and not after today",
    },
    "citizen-id": {
        "zh": "{label}不正确，请照身份证核对18位号码",
        "en": "{label} is not right, please compare the 18 characters with the ID card",
    },
    "social-credit-code": {
        "zh": "{label}不正确，请照营业执照核对18位代码",
        "en": "{label} is not right, please compare the 18 characters with the business licence",
    },
    "cn-mobile": {"zh": "{label}应为11位手机号", "en": "{label} must be an 11-digit mobile number"},
    "bank-card": {
        "zh": "{label}不正确，请照银行卡正面核对，中间不要空格",
        "en": "{label} is not right, please compare it with the front of the card, without spaces",
    },
    "citizen-id-old": {
        "zh": "{label}应为15位老身份证号码，请核对",
        "en": "{label} must be an old ID number of 15 digits, please check it",
    },
    "hmt-residence-permit": {
        "zh": "{label}不正确，请照港澳台居民居住证核对18位号码",
        "en": "{label} is not right, please compare the 18 characters with the residence permit",
    },
    "foreign-resident-card": {
        "zh": "{label}不正确，请照外国人永久居留身份证核对号码",
        "en": "{label} is not right, please compare it with the permanent resident card",
    },
    "passport": {
        "zh": "{label}不正确，请照护照核对，只写字母和数字",
        "en": "{label} is not right, please compare it with the passport, letters and digits only",
    },
    "hk-macau-permit": {
        "zh": "{label}不正确，请照港澳居民来往内地通行证核对，H或M开头加8位数字",
        "en": "{label} is not right: H or M and 8 digits, as on the permit",
    },
    "taiwan-permit": {
        "zh": "{label}不正确，请照台湾居民来往大陆通行证核对，一般是8位数字",
        "en": "{label} is not right, usually it is 8 digits, as on the permit",
    },
    "plate": {
        "zh": "{label}不正确，请照车牌核对，例如 云A12345 或 云AD12345",
        "en": "{label} is not right, please compare it with the plate, for example 云A12345 or 云AD12345",
    },
    "postal-code": {"zh": "{label}应为6位邮政编码", "en": "{label} must be a postal code of 6 digits"},
    "phone-number": {
        "zh": "{label}不正确，请写手机号，或者带区号的座机号，例如 0871-12345678",
        "en": "{label} is not right: a mobile number, or a landline with its area code, like 0871-12345678",
    },
    "region-code": {"zh": "请重新选择{label}", "en": "Please choose {label} again"},
    "text-line": {
        "zh": "{label}里有换行或者特殊符号，请改成一行文字",
        "en": "{label} holds line breaks or control characters, please write it on one line",
    },
}
"""Name of a format → words."""
