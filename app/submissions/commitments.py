"""Commitments (告知承诺): deciding on the spot because the applicant declared in writing that the conditions are met.

For licences: 优化营商环境条例 第四十条第三款, 安阳市政务服务条例 第二十五至二十七条; for papers that prove
something (证明事项): 国办发〔2020〕42号. The service's definition says whether this is allowed, and which answer of its
form is the declaration; the answers are filed, and signed where the service asks for it. Nobody must commit themselves:
without it the ordinary way is open. Whether a bad record shuts this way (安阳市政务服务条例 第二十九条) the clerk
finds out.
"""

from __future__ import annotations

from app.refusals import Refusal
from app.submissions.history import Actor
from app.submissions.moments import Moment


class CommitmentNotAllowed(Refusal):
    """The service is not decided on a commitment: its guide does not say so."""


class CommitmentMissing(Refusal):
    """The applicant did not commit themselves, so there is nothing to decide on."""


class NotDecidedOnCommitment(Refusal):
    """The decision did not rest on a commitment, so there is none to check."""


def stands(moment: Moment, actor: Actor) -> None:
    """Raises CommitmentNotAllowed, CommitmentMissing."""
    field = moment.service.commitment
    if field is None:
        raise CommitmentNotAllowed
    if moment.answers.get(field) is not True:
        raise CommitmentMissing


def was_decided_on(moment: Moment, actor: Actor) -> None:
    """Raises NotDecidedOnCommitment."""
    decided = moment.steps("approve", "approve_on_promise")
    if not decided or decided[-1].step != "approve_on_promise":
        raise NotDecidedOnCommitment
