"""The steps of a submission: from where, to where, by whom. The one table that says what is legal.

States and their Chinese names follow the glossary; the law behind each step is in domain-facts §3.2–3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

STATES: dict[str, dict[str, str]] = {
    "draft": {"zh": "草稿", "en": "Draft"},
    "received": {"zh": "已收件", "en": "Received"},
    "declined": {"zh": "不予受理", "en": "Declined"},
    "accepted": {"zh": "已受理", "en": "Accepted"},
    "in_review": {"zh": "审查中", "en": "In review"},
    "approved": {"zh": "准予", "en": "Approved"},
    "refused": {"zh": "不予", "en": "Refused"},
    "completed": {"zh": "已办结", "en": "Completed"},
}

FINAL_STATES = frozenset({"declined", "refused", "completed"})


@dataclass(frozen=True)
class Step:
    """One allowed movement. `text` is what the resident reads in the history of their submission."""

    origins: frozenset[str]
    target: str
    text: dict[str, str]


def _step(origins: str, target: str, zh: str, en: str) -> Step:
    return Step(frozenset(origins.split()), target, {"zh": zh, "en": en})


STEPS: dict[str, Step] = {
    "receive": _step("draft", "received", "收到您的申请，已出具收件凭证", "Your application was received"),
    "accept": _step("received", "accepted", "部门已受理", "The department accepted your application"),
    "decline": _step("received", "declined", "部门不予受理", "The department declined your application"),
    "review": _step("accepted", "in_review", "部门开始审查", "The department started its review"),
    "approve": _step("accepted in_review", "approved", "部门准予您的申请", "The department approved your application"),
    "refuse": _step("accepted in_review", "refused", "部门不予批准", "The department refused your application"),
    "complete": _step("approved", "completed", "已办结，可以查看结果", "Completed: your result is ready"),
}


def is_ahead(state: str, target: str) -> bool:
    """Whether a submission in `state` may still come to `target`, now or after other steps.

    It tells a message that came too early (keep it) from one that came too late (it changes nothing).
    """
    reached, open_states = {state}, [state]
    while open_states:
        here = open_states.pop()
        for step in STEPS.values():
            if here in step.origins and step.target not in reached:
                reached.add(step.target)
                open_states.append(step.target)
    return target in reached - {state}
