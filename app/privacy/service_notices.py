"""Service notices: what a service's own notice says, made from its definition so that the two cannot differ.

It tells all that PIPL art. 17, 23 and 30 ask for: who handles, what for, which kinds, which of them are sensitive and
why they are needed, who receives what, how long it is kept, and how to use one's rights.
"""

from __future__ import annotations

from typing import Any

from app.catalogue.services import ServiceVersion
from app.privacy import purposes, retention


def content(service: ServiceVersion, department: dict[str, Any], general_text: dict[str, Any]) -> dict[str, Any]:
    """The notice of a service, as its definition, its department's entry and the general notice say it today."""
    general = {section["code"]: section for section in general_text["sections"]}
    told = [_with_names(purpose.part, department) for purpose in purposes.of(service)]
    own = (_handler(department), _sensitive(told), _sharing(told), _basis(told))
    sections = [*(section for section in own if section), *_retention(service, general)]
    sections += [general[code] for code in ("security", "rights", "contact")]
    title = {"zh": f"“{service.name('zh')}”个人信息处理告知书", "en": f"Privacy notice: {service.name('en')}"}
    return {"title": title, "sections": sections, "purposes": told}


def _with_names(part: dict[str, Any], department: dict[str, Any]) -> dict[str, Any]:
    """The purpose with the department's own name and address where the definition only has its code."""
    own = {"name": department["name"], "contact": _contact(department)}
    recipients = [
        {**recipient, **own} if recipient["code"] == department["code"] else recipient
        for recipient in part["recipients"]
    ]
    return {**part, "recipients": recipients}


def _contact(department: dict[str, Any]) -> dict[str, str]:
    return {
        "zh": f"{department['address']['zh']}，电话 {department['phone']}",
        "en": f"{department['address']['en']}, telephone {department['phone']}",
    }


def _section(code: str, zh: str, en: str, text: list[dict[str, str]]) -> dict[str, Any] | None:
    return {"code": code, "heading": {"zh": zh, "en": en}, "text": text} if text else None


def _handler(department: dict[str, Any]) -> dict[str, Any] | None:
    contact = _contact(department)
    words = {
        "zh": f"本事项由{department['name']['zh']}办理（{contact['zh']}）。",
        "en": f"This service is handled by the {department['name']['en']} ({contact['en']}).",
    }
    return _section("handler", "谁在处理您的个人信息", "Who handles your personal information", [words])


def _sensitive(told: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Which kinds are sensitive and why they are needed (PIPL art. 30)."""
    kinds = [kind for part in told for kind in part["kinds"] if kind["sensitive"]]
    text = [
        {
            language: f"{kind['label'][language]}{mark}{kind['purpose'].get(language, '')}{stop}"
            for language, mark, stop in (("zh", "：", "。"), ("en", ": ", "."))
        }
        for kind in kinds
    ]
    return _section("sensitive", "敏感个人信息和为什么必需", "Sensitive information, and why it is needed", text)


def _sharing(told: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Who receives what (PIPL art. 23)."""
    text = [
        {
            language: f"{recipient['name'][language]}{mark}" + comma.join(k["label"][language] for k in part["kinds"])
            for language, mark, comma in (("zh", "：", "、"), ("en", ": ", ", "))
        }
        for part in told
        for recipient in part["recipients"]
    ]
    return _section("sharing", "谁会收到哪些信息", "Who receives what", text)


def _basis(told: list[dict[str, Any]]) -> dict[str, Any] | None:
    text = [
        {
            "zh": f"{part['name']['zh']}：{BASIS_WORDS[part['basis']]['zh']}。",
            "en": f"{part['name']['en']}: {BASIS_WORDS[part['basis']]['en']}.",
        }
        for part in told
    ]
    return _section("basis", "法律依据", "Legal basis", text)


def _retention(service: ServiceVersion, general: dict[str, Any]) -> list[dict[str, Any]]:
    """What the definition says of its own or else the words of its class, and then the general rule."""
    own = service.definition.get("processing", {}).get("retention") or retention.told(service.definition)
    section = general["retention"]
    return [{**section, "text": [own, *section["text"]]}]


BASIS_WORDS = {
    "consent": {"zh": "您的同意（个人信息保护法第十三条第一款第一项）", "en": "your consent (PIPL art. 13(1))"},
    "contract": {"zh": "订立、履行合同所必需（第十三条第一款第二项）", "en": "needed for a contract (PIPL art. 13(2))"},
    "statutory_duty": {
        "zh": "履行法定职责所必需（第十三条第一款第三项），不需要您同意",
        "en": "needed for a statutory duty (PIPL art. 13(3)), so that no consent is asked for",
    },
    "emergency": {"zh": "应对突发事件、紧急情况（第十三条第一款第四项）", "en": "an emergency (PIPL art. 13(4))"},
    "public_interest": {
        "zh": "公共利益的新闻报道等（第十三条第一款第五项）",
        "en": "public interest (PIPL art. 13(5))",
    },
    "already_public": {
        "zh": "已经合法公开的信息（第十三条第一款第六项）",
        "en": "lawfully public already (PIPL art. 13(6))",
    },
}
"""How a legal basis is told."""
