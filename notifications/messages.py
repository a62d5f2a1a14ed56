"""Messages: the wording of every push, in the person's language. No channel's rules beyond its field shapes."""

from __future__ import annotations

from dataclasses import dataclass

TITLES = {
    "receive": {"zh": "申请已收到", "en": "Application received"},
    "accept": {"zh": "申请已受理", "en": "Application accepted"},
    "decline": {"zh": "申请不予受理", "en": "Application declined"},
    "review": {"zh": "申请审查中", "en": "Application in review"},
    "approve": {"zh": "申请已批准", "en": "Application approved"},
    "refuse": {"zh": "申请未获批准", "en": "Application refused"},
    "complete": {"zh": "办件已办结", "en": "Submission completed"},
}

_TEXTS = {
    "receive": {
        "zh": "您申请的“{service}”已收到，办件编号{reference}。{unit}将在{acceptance}前答复是否受理。",
        "en": "Your application “{service}” was received, reference {reference}. {unit} answers by {acceptance}.",
    },
    "accept": {
        "zh": "{unit}已受理您申请的“{service}”，最迟{decision}作出决定。",
        "en": "{unit} accepted your application “{service}” and decides by {decision}.",
    },
    "decline": {
        "zh": "{unit}不予受理您申请的“{service}”。理由：{opinion}",
        "en": "{unit} declined your application “{service}”. Reason: {opinion}",
    },
    "review": {
        "zh": "{unit}正在审查您申请的“{service}”，最迟{decision}作出决定。",
        "en": "{unit} is reviewing your application “{service}” and decides by {decision}.",
    },
    "approve": {
        "zh": "{unit}已批准您申请的“{service}”。",
        "en": "{unit} approved your application “{service}”.",
    },
    "refuse": {
        "zh": "{unit}未批准您申请的“{service}”。理由：{opinion}",
        "en": "{unit} refused your application “{service}”. Reason: {opinion}",
    },
    "complete": {
        "zh": "您申请的“{service}”已办结，请查看结果。",
        "en": "Your application “{service}” is completed: see the result.",
    },
}

# WeChat's `phrase` fields hold at most five Chinese characters (domain-facts §1.4).
_PHRASES = {
    "receive": "已收件",
    "accept": "已受理",
    "decline": "不予受理",
    "review": "审查中",
    "approve": "已批准",
    "refuse": "未批准",
    "complete": "已办结",
}
_TIPS = {
    "receive": "可随时点开查看办理进度",
    "decline": "请点开查看理由",
    "refuse": "请点开查看理由和救济途径",
    "complete": "请点开查看办理结果",
}
_TIP = "请点开查看办理进度"


@dataclass(frozen=True)
class Facts:
    """What a message may tell. Dates are ISO dates; nothing here names the applicant."""

    step: str
    service: str
    reference: str
    unit: str
    acceptance: str
    decision: str
    opinion: str
    at: str
    """When the step was taken, `2026年11月22日 10:05` in China."""


def title(step: str, language: str) -> str:
    return TITLES[step][language]


def text(facts: Facts, language: str) -> str:
    """The message as the inbox shows it."""
    unsaid = {"zh": "详见通知", "en": "see the notice"}[language]
    return _TEXTS[facts.step][language].format(
        service=facts.service,
        reference=facts.reference,
        unit=facts.unit,
        acceptance=facts.acceptance,
        decision=facts.decision,
        opinion=facts.opinion or unsaid,
    )


def wechat_fields(facts: Facts) -> dict[str, dict[str, str]]:
    """The fields of our WeChat progress template, each fitted to its type: thing ≤ 20 characters,
    character_string ≤ 32 without Chinese, phrase ≤ 5 Chinese characters (WeChat subscribeMessage.send)."""
    return {
        "thing1": {"value": _at_most(facts.service, 20)},
        "character_string2": {"value": facts.reference},
        "phrase3": {"value": _PHRASES[facts.step]},
        "time4": {"value": facts.at},
        "thing5": {"value": _at_most(_TIPS.get(facts.step, _TIP), 20)},
    }


def _at_most(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"
