"""The steps of a submission: from where, to where, by whom, with what. The one table that says what is legal.

States and their Chinese names follow the glossary; the law behind each step is in domain-facts §3.2–3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Words = Mapping[str, str]

STATES: Final[dict[str, Words]] = {
    "draft": {"zh": "草稿", "en": "Draft"},
    "received": {"zh": "已收件", "en": "Received"},
    "correcting": {"zh": "待补正", "en": "Awaiting correction"},
    "declined": {"zh": "不予受理", "en": "Declined"},
    "accepted": {"zh": "已受理", "en": "Accepted"},
    "in_review": {"zh": "审查中", "en": "In review"},
    "suspended": {"zh": "已挂起（特别程序）", "en": "Suspended (special procedure)"},
    "approved": {"zh": "准予", "en": "Approved"},
    "refused": {"zh": "不予", "en": "Refused"},
    "completed": {"zh": "已办结", "en": "Completed"},
    "delivered": {"zh": "已送达", "en": "Delivered"},
    "withdrawn": {"zh": "已撤回", "en": "Withdrawn"},
    "terminated": {"zh": "已终止", "en": "Terminated"},
}

FINAL_STATES: Final = frozenset({"declined", "refused", "completed", "delivered", "withdrawn", "terminated"})
"""Nothing is owed any more but, after `completed`, handing over what came of it."""

APPLICANT: Final = "applicant"
CLERK: Final = "clerk"
HEAD: Final = "head"
SUPERVISOR: Final = "supervisor"
OFFICE: Final = "office"
SYSTEM: Final = "system"
"""Who takes steps. A head (负责人) leads a department: 行政许可法 第四十二条 wants theirs for an extension."""

# What must be given with a step.
REASON: Final = "reason"
KIND: Final = "kind"
ITEMS: Final = "items"
UNTIL: Final = "until"
DAYS: Final = "days"
DOCUMENT: Final = "document"

ACCEPTANCE: Final = "acceptance"
DECISION: Final = "decision"
DELIVERY: Final = "delivery"
CORRECTION: Final = "correction"
PROMISE: Final = "promise"

START: Final = "start"
PAUSE: Final = "pause"
RESUME: Final = "resume"
EXTEND: Final = "extend"
END: Final = "end"


@dataclass(frozen=True)
class Step:
    """One allowed movement. A `target` of None leaves the state as it is.

    `actors` may take it; `needs` must be given with it, a `kind` being one of `kinds`; `notice` is the kind of notice
    (通知书) it makes; `clocks` says what it does to which legal clock; `text` is what the resident reads of it.
    `by_law_only` marks what no ordinary course leads to: it opens what was closed.
    """

    origins: frozenset[str]
    target: str | None
    actors: frozenset[str]
    text: Words
    needs: frozenset[str] = frozenset()
    notice: str | None = None
    clocks: tuple[tuple[str, str], ...] = ()
    kinds: Mapping[str, Words] | None = None
    visible: bool = True
    by_law_only: bool = False


SUSPENSIONS: Final[dict[str, Words]] = {
    "hearing": {"zh": "听证", "en": "hearing"},
    "tender": {"zh": "招标", "en": "tender"},
    "auction": {"zh": "拍卖", "en": "auction"},
    "inspection": {"zh": "检验", "en": "inspection"},
    "testing": {"zh": "检测", "en": "testing"},
    "quarantine": {"zh": "检疫", "en": "quarantine"},
    "appraisal": {"zh": "鉴定", "en": "appraisal"},
    "expert_review": {"zh": "专家评审", "en": "expert review"},
}
"""行政许可法 第四十五条: the time of these is not counted, and the applicant is told in writing how long they take."""

TERMINATIONS: Final[dict[str, Words]] = {
    "applicant_died": {"zh": "申请人死亡或者丧失行为能力", "en": "the applicant died or lost capacity"},
    "organisation_ended": {"zh": "法人或者其他组织依法终止", "en": "the organisation was dissolved by law"},
    "impossible": {"zh": "因不可抗力，事项无法办理", "en": "force majeure makes it impossible"},
    "service_ended": {"zh": "事项依法取消", "en": "the service was abolished by law"},
    "promise_broken": {"zh": "承诺不实，依法撤销", "en": "what was promised was not true"},
}
"""行政许可法 第六十九条、第七十条, and 优化营商环境条例 第四十条 for broken promises."""

REOPENINGS: Final[dict[str, Words]] = {
    "review_decision": {"zh": "行政复议决定", "en": "decision on administrative review"},
    "judgment": {"zh": "人民法院裁判", "en": "judgment of a court"},
    "self_correction": {"zh": "行政机关依法自行纠正", "en": "the authority corrects itself by law"},
}
"""行政复议法 第六十四、六十五条, 行政诉讼法 第七十、七十二条: what alone opens a closed submission again."""

DELIVERIES: Final[dict[str, Words]] = {
    "download": {"zh": "下载", "en": "download"},
    "post": {"zh": "邮寄", "en": "post"},
    "window": {"zh": "窗口领取", "en": "counter"},
}


OUT_OF_TURN: Final[dict[str, Words]] = {
    "elderly_disabled_pregnant": {
        "zh": "老年人、残疾人、孕产妇依法优先",
        "en": "elderly, disabled and pregnant people come first by law",
    },
    "emergency": {"zh": "情况紧急", "en": "emergency"},
    "statutory_priority": {"zh": "法律法规规定的其他优先情形", "en": "another priority that the law gives"},
    "corrected": {"zh": "补正后返回", "en": "came back corrected"},
    "same_applicant": {"zh": "同一申请人的办件一并办理", "en": "handled together with others of the same applicant"},
    "supervisor_order": {"zh": "监督员指令", "en": "ordered by a supervisor"},
}
"""For what somebody may be taken before others who wait longer: nothing else is a reason."""

BUSY: Final[dict[str, Words]] = {
    "busy": {"zh": "排在前面的办件当时正在变更", "en": "the one before it was being changed at that very moment"},
}

TAKEN_AS: Final[dict[str, Words]] = {
    "in_turn": {"zh": "按顺序", "en": "in its turn"},
    "acceptance_order": {
        "zh": "按受理的先后顺序（行政许可法第五十七条）",
        "en": "in the order of acceptance (Administrative License Law, art. 57)",
    },
    **OUT_OF_TURN,
    **BUSY,
    "office_order": {"zh": "部门审批系统自行安排", "en": "in an order of the office's own system"},
    "unstated": {"zh": "未按顺序，未说明理由", "en": "out of turn, and nobody said why"},
    "left": {"zh": "办理前已撤回或者终止", "en": "withdrawn or ended before anybody took it up"},
}
"""How a submission came out of its line: the first time that somebody took it up, or its end without that."""


def _words(zh: str, en: str) -> Words:
    return {"zh": zh, "en": en}


def _step(
    origins: str,
    target: str | None,
    actors: str,
    zh: str,
    en: str,
    needs: str = "",
    notice: str | None = None,
    clocks: str = "",
    kinds: Mapping[str, Words] | None = None,
    visible: bool = True,
    by_law_only: bool = False,
) -> Step:
    moves = tuple((clock, move) for clock, move in (one.split(":") for one in clocks.split()))
    who, given = frozenset(actors.split()), frozenset(needs.split())
    return Step(
        frozenset(origins.split()), target, who, _words(zh, en), given, notice, moves, kinds, visible, by_law_only
    )


_OPEN = "received correcting accepted in_review suspended"

# fmt: off
STEPS: Final[dict[str, Step]] = {
    # 行政许可法 第三十二条: receipt, completeness, acceptance
    "receive": _step("draft", "received", "applicant",
        "收到您的申请，已出具收件凭证", "Your application was received",
        notice="receipt", clocks="acceptance:start"),
    "accept": _step("received", "accepted", "clerk head office system",
        "部门已受理", "The department accepted your application",
        notice="acceptance", clocks="acceptance:end decision:start"),
    "deem_accepted": _step("received", "accepted", "system",
        "部门逾期未告知，依法自收件之日起视为受理",
        "The department did not answer in time: by law it counts as accepted from the day it was received",
        notice="deemed_acceptance", clocks="acceptance:end decision:start"),
    "decline": _step("received", "declined", "clerk head office",
        "部门不予受理", "The department declined your application",
        needs="reason", notice="non_acceptance", clocks="acceptance:end"),
    "ask_correction": _step("received", "correcting", "clerk head office",
        "材料需要补正，请按清单一次补齐", "Something must be corrected: please see the complete list",
        needs="items until", notice="correction", clocks="acceptance:pause correction:start"),
    "add_to_correction": _step("correcting", None, "supervisor",
        "补正清单经监督员批准后有增加", "The list of corrections became longer, with a supervisor's reason",
        needs="items reason", notice="correction", clocks="correction:start"),
    "refile": _step("correcting", "received", "applicant",
        "已收到您的补正材料", "Your corrections were received",
        notice="correction_receipt", clocks="correction:end acceptance:resume"),
    # 容缺受理: accepted on a promise to bring what is secondary
    "offer_promise": _step("received", None, "clerk head",
        "主要材料齐全，可以承诺后补次要材料", "The main papers are complete: you may promise to bring the others later",
        needs="items until"),
    "promise": _step("received", "accepted", "applicant",
        "您已承诺按期补交，部门容缺受理", "You promised to bring the rest: your application was accepted",
        notice="conditional_acceptance", clocks="acceptance:end decision:start promise:start"),
    "keep_promise": _step("accepted in_review suspended", None, "applicant clerk head",
        "容缺材料已补交", "What was promised was brought", clocks="promise:end"),
    "lapse": _step("accepted in_review suspended", "withdrawn", "system",
        "逾期未补交承诺的材料，视为撤回申请", "What was promised was not brought in time: it counts as withdrawn",
        notice="lapse", clocks="promise:end decision:end"),
    # 第三十四至四十五条: review, special procedures, extension, decision
    "review": _step("accepted", "in_review", "clerk head office",
        "部门开始审查", "The department started its review"),
    "suspend": _step("accepted in_review", "suspended", "clerk head office",
        "依法进入特别程序，所需时间不计入办理期限", "A special procedure began; by law its time is not counted",
        needs="kind reason days", notice="suspension", clocks="decision:pause", kinds=SUSPENSIONS),
    "resume": _step("suspended", "in_review", "clerk head office",
        "特别程序结束，继续审查", "The special procedure ended; the review goes on",
        notice="resumption", clocks="decision:resume"),
    "ask_extension": _step("accepted in_review", None, "clerk office",
        "经办人申请延长办理期限", "The handler asked for a longer limit", needs="reason days", visible=False),
    "extend": _step("accepted in_review", None, "head",
        "经负责人批准，办理期限延长", "The head of the department extended the limit",
        needs="reason days", notice="extension", clocks="decision:extend"),
    "approve": _step("accepted in_review", "approved", "clerk head office system",
        "部门准予您的申请", "The department approved your application",
        notice="approval", clocks="decision:end delivery:start"),
    "approve_on_promise": _step("received accepted in_review", "approved", "clerk head office",
        "依据您的书面承诺，当场作出决定", "Decided on the spot, on your written promise",
        notice="approval", clocks="acceptance:end decision:end delivery:start"),
    "refuse": _step("accepted in_review", "refused", "clerk head office",
        "部门不予批准", "The department refused your application",
        needs="reason", notice="refusal", clocks="decision:end"),
    "complete": _step("approved", "completed", "clerk head office system",
        "已办结，可以查看结果", "Completed: your result is ready", notice="completion"),
    "deliver": _step("completed", "delivered", "applicant clerk head office",
        "结果已送达", "The result was delivered", needs="kind", notice="delivery", clocks="delivery:end",
        kinds=DELIVERIES),
    "check_promise": _step("completed delivered", None, "clerk head",
        "事后核查承诺属实", "What you promised was checked and is true", needs="reason"),
    # Who handles it. What was taken is held until it is given back or handed over.
    "take": _step("received accepted in_review", None, "clerk head",
        "工作人员按顺序接手办理", "A member of staff took it up in its turn", kinds=BUSY),
    "take_out_of_turn": _step("received accepted in_review", None, "clerk head",
        "工作人员提前接手办理", "A member of staff took it up before its turn", needs="kind", kinds=OUT_OF_TURN),
    "give_back": _step("received accepted in_review", None, "clerk head",
        "办件已交回，按原顺序等候其他工作人员接手", "It was given back and waits in its old place for somebody else"),
    "hand_over": _step(_OPEN, None, "head",
        "办件已转由另一位工作人员办理", "Another member of staff handles it now"),
    # Ends before the decision, and the ways back that the law knows
    "withdraw": _step(_OPEN, "withdrawn", "applicant",
        "您已撤回申请", "You withdrew your application",
        notice="withdrawal", clocks="acceptance:end correction:end decision:end promise:end"),
    "terminate": _step(_OPEN, "terminated", "head office",
        "依法终止办理", "The department ended the procedure, as the law has it",
        needs="kind reason", notice="termination", kinds=TERMINATIONS,
        clocks="acceptance:end correction:end decision:end promise:end"),
    "revoke": _step("completed delivered", "terminated", "head",
        "承诺不实，依法撤销决定", "The decision was revoked: what was promised was not true",
        needs="reason", notice="revocation", clocks="delivery:end", by_law_only=True),
    "reopen": _step("declined refused terminated", "accepted", "supervisor",
        "依法重新办理", "Opened again, as the law has it",
        needs="kind reason document", notice="reopening", clocks="decision:start", kinds=REOPENINGS, by_law_only=True),
}
# fmt: on


QUIET: Final = frozenset({"take", "take_out_of_turn", "give_back", "hand_over"})
"""Steps that the resident finds in the history, and that no message is sent for."""

OPEN_STATES: Final = frozenset(_OPEN.split())
"""The department owes an answer, or will once the applicant or a special procedure is done."""

WITHOUT_DECISION: Final = frozenset({"withdrawn", "terminated"})

DECISIONS: Final = frozenset({"approve", "approve_on_promise", "refuse", "decline"})


def is_ahead(state: str, target: str) -> bool:
    """Whether a submission in `state` may still come to `target`, now or after other steps of the ordinary course.

    It tells a message that came too early (keep it) from one that came too late (it changes nothing).
    """
    reached, open_states = {state}, [state]
    while open_states:
        here = open_states.pop()
        for step in STEPS.values():
            if here in step.origins and step.target and step.target not in reached and not step.by_law_only:
                reached.add(step.target)
                open_states.append(step.target)
    return target in reached - {state}


def legal(state: str, role: str) -> tuple[str, ...]:
    """The names of the steps that somebody in this role may take now, in the order of the table."""
    return tuple(name for name, step in STEPS.items() if state in step.origins and role in step.actors)
