"""Messages: the wording of every push, in the person's language. No channel's rules beyond its field shapes."""

from __future__ import annotations

from dataclasses import dataclass

from app.submissions.steps import STEPS

TITLES = {
    "receive": {"zh": "申请已收到", "en": "Application received"},
    "accept": {"zh": "申请已受理", "en": "Application accepted"},
    "decline": {"zh": "申请不予受理", "en": "Application declined"},
    "review": {"zh": "申请审查中", "en": "Application in review"},
    "approve": {"zh": "申请已批准", "en": "Application approved"},
    "refuse": {"zh": "申请未获批准", "en": "Application refused"},
    "complete": {"zh": "办件已办结", "en": "Submission completed"},
    "deem_accepted": {"zh": "依法视为受理", "en": "Accepted by law"},
    "ask_correction": {"zh": "需要您补正", "en": "Corrections needed"},
    "add_to_correction": {"zh": "补正清单有增加", "en": "More corrections needed"},
    "refile": {"zh": "补正材料已收到", "en": "Corrections received"},
    "offer_promise": {"zh": "可以承诺后补材料", "en": "You may bring papers later"},
    "promise": {"zh": "已容缺受理", "en": "Accepted on your promise"},
    "keep_promise": {"zh": "容缺材料已补交", "en": "Promised papers received"},
    "lapse": {"zh": "逾期未补交，视为撤回", "en": "Counts as withdrawn"},
    "suspend": {"zh": "进入特别程序", "en": "Special procedure began"},
    "resume": {"zh": "继续审查", "en": "Review goes on"},
    "ask_extension": {"zh": "申请延期", "en": "Extension asked for"},
    "extend": {"zh": "办理期限延长", "en": "Limit extended"},
    "approve_on_promise": {"zh": "已凭承诺批准", "en": "Approved on your promise"},
    "deliver": {"zh": "结果已送达", "en": "Result delivered"},
    "check_promise": {"zh": "承诺核查属实", "en": "Promise verified"},
    "take": {"zh": "已有人办理", "en": "Somebody took it up"},
    "take_out_of_turn": {"zh": "已提前办理", "en": "Taken up early"},
    "give_back": {"zh": "重新等候办理", "en": "Waiting again"},
    "hand_over": {"zh": "已转交办理", "en": "Handed over"},
    "withdraw": {"zh": "申请已撤回", "en": "Application withdrawn"},
    "terminate": {"zh": "办理已终止", "en": "Procedure ended"},
    "revoke": {"zh": "决定已撤销", "en": "Decision revoked"},
    "reopen": {"zh": "依法重新办理", "en": "Opened again"},
    "remind": {"zh": "请按期补交", "en": "Please bring the rest in time"},
    "lapse_correction": {"zh": "逾期未补正，视为撤回", "en": "Counts as withdrawn"},
    "recount": {"zh": "办理期限已重新计算", "en": "Dates counted anew"},
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
# What has no words of its own is told in those of the step table.
_OTHER = {
    "zh": "您申请的“{service}”（{reference}）：{step}。",
    "en": "Your application “{service}” ({reference}): {step}.",
}
_WHY = {"zh": "理由：{opinion}", "en": " Reason: {opinion}"}

# WeChat's `phrase` fields hold at most five Chinese characters (domain-facts §1.4).
_PHRASES = {
    "receive": "已收件",
    "accept": "已受理",
    "decline": "不予受理",
    "review": "审查中",
    "approve": "已批准",
    "refuse": "未批准",
    "complete": "已办结",
    "deem_accepted": "视为受理",
    "ask_correction": "待补正",
    "add_to_correction": "待补正",
    "refile": "补正已收",
    "offer_promise": "可承诺容缺",
    "promise": "容缺受理",
    "keep_promise": "已补交",
    "lapse": "视为撤回",
    "suspend": "特别程序",
    "resume": "审查中",
    "ask_extension": "申请延期",
    "extend": "已延期",
    "approve_on_promise": "已批准",
    "deliver": "已送达",
    "check_promise": "核查属实",
    "take": "办理中",
    "take_out_of_turn": "办理中",
    "give_back": "等候办理",
    "hand_over": "已转交",
    "withdraw": "已撤回",
    "terminate": "已终止",
    "revoke": "已撤销",
    "reopen": "重新办理",
    "remind": "请补交",
    "lapse_correction": "视为撤回",
    "recount": "期限更新",
}
_TIPS = {
    "receive": "可随时点开查看办理进度",
    "decline": "请点开查看理由",
    "refuse": "请点开查看理由和救济途径",
    "ask_correction": "请点开查看补正清单和期限",
    "add_to_correction": "请点开查看补正清单和期限",
    "remind": "请点开查看还缺什么和期限",
    "recount": "请点开查看新的办理期限",
    "offer_promise": "请点开查看并决定是否承诺",
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
    words = _TEXTS.get(facts.step, {}).get(language) or _OTHER[language] + (_WHY[language] if facts.opinion else "")
    return words.format(
        step=STEPS[facts.step].text[language],
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
