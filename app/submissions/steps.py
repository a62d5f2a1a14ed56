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

    `actors` may take it; `needs` must be given with it, a `kind` being one of `kinds`; of items, a day and days nothing
    else may be but what `may` names; `notice` is the kind of notice (通知书) it makes; `clocks` says what it does to
    which legal clock; `text` is what the resident reads of it.
    `by_law_only` marks what no ordinary course leads to: it opens what was closed.
    """

    origins: frozenset[str]
    target: str | None
    actors: frozenset[str]
    text: Words
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
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

NON_ACCEPTANCES: Final[dict[str, Words]] = {
    "not_needed": {"zh": "依法不需要办理", "en": "by law no such application is needed"},
    "not_ours": {"zh": "不属于本机关职权范围", "en": "another authority is in charge"},
    "not_corrected": {"zh": "未按要求补正", "en": "what was asked for was not corrected"},
}
"""行政许可法 第三十二条第一款第一、二项; the third is what is left of 第五项. Optional: not every office says it."""

TERMINATIONS: Final[dict[str, Words]] = {
    "applicant_died": {"zh": "申请人死亡或者丧失行为能力", "en": "the applicant died or lost capacity"},
    "organisation_ended": {"zh": "法人或者其他组织依法终止", "en": "the organisation was dissolved by law"},
    "impossible": {"zh": "因不可抗力，事项无法办理", "en": "force majeure makes it impossible"},
    "service_ended": {"zh": "事项依法取消", "en": "the service was abolished by law"},
}
"""行政许可法 第七十条第二、三、五、六项: these end a permit that was given, and so what was only asked for."""

REVOCATIONS: Final[dict[str, Words]] = {
    "promise_broken": {"zh": "承诺不实", "en": "what was promised was not true"},
    "fraud": {"zh": "以欺骗、贿赂等不正当手段取得", "en": "obtained by deceit, bribery or the like"},
    "abuse": {"zh": "工作人员滥用职权、玩忽职守", "en": "staff abused or neglected their duty"},
    "no_power": {"zh": "超越法定职权", "en": "decided beyond the authority's power"},
    "procedure": {"zh": "违反法定程序", "en": "decided against the legal procedure"},
    "unqualified": {"zh": "申请人不具备资格或者不符合条件", "en": "the applicant did not qualify"},
    "other": {"zh": "依法可以撤销的其他情形", "en": "another case in which the law allows it"},
}
"""行政许可法 第六十九条第一款第一至五项、第二款; 安阳市政务服务条例 第二十七条 for broken promises."""

REOPENINGS: Final[dict[str, Words]] = {
    "review_decision": {"zh": "行政复议决定", "en": "decision on administrative review"},
    "judgment": {"zh": "人民法院裁判", "en": "judgment of a court"},
    "self_correction": {"zh": "行政机关依法自行纠正", "en": "the authority corrects itself by law"},
}
"""行政复议法 第六十四、六十六条, 行政诉讼法 第七十、七十二条 (decide anew, or at last): what alone opens a closed
submission again."""

DELIVERIES: Final[dict[str, Words]] = {
    "download": {"zh": "下载", "en": "download"},
    "post": {"zh": "邮寄", "en": "post"},
    "window": {"zh": "窗口领取", "en": "counter"},
}


REMINDERS: Final[dict[str, Words]] = {
    "correction": {"zh": "补正期限将到", "en": "corrections are due soon"},
    "promise": {"zh": "承诺补交的期限将到", "en": "what was promised is due soon"},
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
    may: str = "",
    notice: str | None = None,
    clocks: str = "",
    kinds: Mapping[str, Words] | None = None,
    visible: bool = True,
    by_law_only: bool = False,
) -> Step:
    moves = tuple((clock, move) for clock, move in (one.split(":") for one in clocks.split()))
    who, given, more = frozenset(actors.split()), frozenset(needs.split()), frozenset(may.split())
    return Step(
        frozenset(origins.split()), target, who, _words(zh, en), given, more, notice, moves, kinds, visible, by_law_only
    )


_OPEN = "received correcting accepted in_review suspended"
_RUNNING = "accepted in_review suspended"

# fmt: off
STEPS: Final[dict[str, Step]] = {
    # 行政许可法 第二十九条第三款、第三十三条 let people apply online. 收件 is no decision yet, so it has no numbered
    # notice: the filing is answered with its receipt, which has the submission's reference, time, turn and dates.
    "receive": _step("draft", "received", "applicant",
        "收到您的申请，已出具收件凭证", "Your application was received",
        clocks="acceptance:start"),
    # 第三十二条第一款第五项: what is complete, or was corrected as asked, must be accepted; 第二款: in writing.
    "accept": _step("received", "accepted", "clerk head office system",
        "部门已受理", "The department accepted your application",
        notice="acceptance", clocks="acceptance:end decision:start"),
    # 第三十二条第一款第四项: silence for five days is acceptance, from the day of receipt. Only the clock takes it.
    "deem_accepted": _step("received", "accepted", "system",
        "部门逾期未告知，依法自收件之日起视为受理",
        "The department did not answer in time: by law it counts as accepted from the day it was received",
        notice="deemed_acceptance", clocks="acceptance:end decision:start"),
    # 第三十二条第一款第一、二项, 第二款. After acceptance it is too late for this: 第三十八条 knows a refusal only.
    "decline": _step("received", "declined", "clerk head office",
        "部门不予受理", "The department declined your application",
        needs="reason", notice="non_acceptance", clocks="acceptance:end", kinds=NON_ACCEPTANCES),
    # 第三十二条第一款第四项: once, and everything that must be corrected. What may be asked for again, and by whom, is
    # said in `correction_lists.py`.
    "ask_correction": _step("received", "correcting", "clerk head office supervisor",
        "材料需要补正，请按清单一次补齐", "Something must be corrected: please see the complete list",
        needs="items until", notice="correction", clocks="acceptance:pause correction:start"),
    # The same item says once. What was forgotten is the department's fault: only a supervisor adds it, with a reason.
    "add_to_correction": _step("correcting", None, "supervisor",
        "补正清单经监督员批准后有增加", "The list of corrections became longer, with a supervisor's reason",
        needs="items reason", may="until", notice="correction", clocks="correction:start"),
    # 第三十二条第一款第五项: what was corrected as asked.
    "refile": _step("correcting", "received", "applicant",
        "已收到您的补正材料", "Your corrections were received",
        notice="correction_receipt", clocks="correction:end acceptance:resume"),
    # 安阳市政务服务条例 第二十四条 (容缺受理): the main papers are there, a secondary one may follow on a promise.
    "offer_promise": _step("received", None, "clerk head",
        "主要材料齐全，可以承诺后补次要材料", "The main papers are complete: you may promise to bring the others later",
        needs="items until"),
    "promise": _step("received", "accepted", "applicant",
        "您已承诺按期补交，部门容缺受理", "You promised to bring the rest: your application was accepted",
        may="items until", notice="conditional_acceptance", clocks="acceptance:end decision:start promise:start"),
    "keep_promise": _step(_RUNNING, None, "applicant clerk head",
        "容缺材料已补交", "What was promised was brought", may="items", clocks="promise:end"),
    # 安阳市政务服务条例 第二十四条: what is not brought in time counts as withdrawn, which is no refusal.
    "lapse": _step(_RUNNING, "withdrawn", "system",
        "逾期未补交承诺的材料，视为撤回申请", "What was promised was not brought in time: it counts as withdrawn",
        notice="lapse", clocks="promise:end decision:end"),
    # 行政许可法 第三十四条第一款
    "review": _step("accepted", "in_review", "clerk head office",
        "部门开始审查", "The department started its review"),
    # 第四十五条: not counted, and the applicant is told in writing how long it takes.
    "suspend": _step("accepted in_review", "suspended", "clerk head office",
        "依法进入特别程序，所需时间不计入办理期限", "A special procedure began; by law its time is not counted",
        needs="kind reason days", notice="suspension", clocks="decision:pause", kinds=SUSPENSIONS),
    "resume": _step("suspended", "in_review", "clerk head office",
        "特别程序结束，继续审查", "The special procedure ended; the review goes on",
        notice="resumption", clocks="decision:resume"),
    # 第四十二条: the head approves, so whoever handles it asks. How often and how long is said in `extensions.py`.
    "ask_extension": _step("accepted in_review", None, "clerk office",
        "经办人申请延长办理期限", "The handler asked for a longer limit", needs="reason days", visible=False),
    "extend": _step("accepted in_review", None, "head office",
        "经负责人批准，办理期限延长", "The head of the department extended the limit",
        needs="reason days", notice="extension", clocks="decision:extend"),
    # 第三十八条第一款; 第三十四条第二款: on the spot where that can be done, hence from `accepted` too.
    "approve": _step("accepted in_review", "approved", "clerk head office system",
        "部门准予您的申请", "The department approved your application",
        notice="approval", clocks="decision:end delivery:start"),
    # 优化营商环境条例 第四十条第三款, 安阳市政务服务条例 第二十五、二十六条 (告知承诺): see `commitments.py`.
    "approve_on_promise": _step("received accepted in_review", "approved", "clerk head office",
        "依据您的书面承诺，当场作出决定", "Decided on the spot, on your written promise",
        notice="approval", clocks="acceptance:end decision:end delivery:start"),
    # 行政许可法 第三十八条第二款: with reasons and remedies.
    "refuse": _step("accepted in_review", "refused", "clerk head office",
        "部门不予批准", "The department refused your application",
        needs="reason", notice="refusal", clocks="decision:end"),
    # GB/T 39046-2020 table 8 (办结): the certificate is there to be fetched.
    "complete": _step("approved", "completed", "clerk head office system",
        "已办结，可以查看结果", "Completed: your result is ready", notice="completion"),
    # 行政许可法 第四十四条: within ten days of the decision.
    "deliver": _step("completed", "delivered", "applicant clerk head office",
        "结果已送达", "The result was delivered", needs="kind", notice="delivery", clocks="delivery:end",
        kinds=DELIVERIES),
    # 安阳市政务服务条例 第二十七条: what was decided on a promise is checked afterwards.
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
    # Ends before the decision, and the ways back that the law knows.
    # Until it is decided the applicant may take it back: 安阳市政务服务条例 第二十六条第三款 says so of commitments,
    # and no law says otherwise of the rest.
    "withdraw": _step(_OPEN, "withdrawn", "applicant",
        "您已撤回申请", "You withdrew your application",
        notice="withdrawal", clocks="acceptance:end correction:end decision:end promise:end"),
    # 行政许可法 第七十条, by analogy: there is nobody or nothing left to decide on.
    "terminate": _step(_OPEN, "terminated", "head office",
        "依法终止办理", "The department ended the procedure, as the law has it",
        needs="kind reason", notice="termination", kinds=TERMINATIONS,
        clocks="acceptance:end correction:end decision:end promise:end"),
    # 行政许可法 第六十九条: the authority that decided may revoke, from the decision on.
    "revoke": _step("approved completed delivered", "terminated", "head",
        "依法撤销决定", "The decision was revoked by law",
        needs="kind reason", notice="revocation", clocks="delivery:end", kinds=REVOCATIONS, by_law_only=True),
    # What the system does by itself: reminders, and dates that a new calendar moves
    "remind": _step("correcting accepted in_review suspended", None, "system",
        "提醒您按期补交", "A reminder: please bring what is still missing in time",
        needs="kind until", kinds=REMINDERS),
    # Such a rule: 安阳市政务服务条例 第三十六条第二款.
    "lapse_correction": _step("correcting", "withdrawn", "system",
        "逾期未补正，依事项规定视为撤回申请",
        "The corrections did not come in time: by the rules of this service it counts as withdrawn",
        notice="lapse", clocks="correction:end acceptance:end"),
    "recount": _step(_OPEN + " approved", None, "system",
        "节假日安排公布或更正，办理期限已重新计算",
        "The working days of the year were published or corrected: the dates were counted anew"),
    # 行政复议法 第六十四、六十六条, 行政诉讼法 第七十、七十二条: on a paper that has a number, on nothing else. What is
    # only declared unlawful (第六十五条, 第七十四条) stays closed. What counts as withdrawn can be disputed too.
    "reopen": _step("declined refused withdrawn terminated", "accepted", "supervisor",
        "依法重新办理", "Opened again, as the law has it",
        needs="kind reason document", notice="reopening", clocks="decision:start", kinds=REOPENINGS, by_law_only=True),
}
# fmt: on

LABELS: Final[dict[str, Words]] = {
    "accept": {"zh": "受理", "en": "Accept"},
    "decline": {"zh": "不予受理", "en": "Do not accept"},
    "ask_correction": {"zh": "告知补正", "en": "Ask for corrections"},
    "add_to_correction": {"zh": "增加补正内容", "en": "Add to the corrections"},
    "offer_promise": {"zh": "提议容缺受理", "en": "Offer acceptance on a promise"},
    "keep_promise": {"zh": "收到容缺材料", "en": "Promised papers were brought"},
    "review": {"zh": "开始审查", "en": "Start the review"},
    "suspend": {"zh": "进入特别程序", "en": "Begin a special procedure"},
    "resume": {"zh": "结束特别程序", "en": "End the special procedure"},
    "ask_extension": {"zh": "申请延期", "en": "Ask for an extension"},
    "extend": {"zh": "批准延期", "en": "Approve an extension"},
    "approve": {"zh": "准予", "en": "Approve"},
    "approve_on_promise": {"zh": "凭承诺准予", "en": "Approve on the commitment"},
    "refuse": {"zh": "不予批准", "en": "Refuse"},
    "complete": {"zh": "办结", "en": "Complete"},
    "deliver": {"zh": "送达", "en": "Deliver"},
    "check_promise": {"zh": "核查承诺", "en": "Check the commitment"},
    "terminate": {"zh": "终止办理", "en": "End the procedure"},
    "revoke": {"zh": "撤销决定", "en": "Revoke the decision"},
    "reopen": {"zh": "重新办理", "en": "Open again"},
}
"""What the desk's buttons say."""


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
