"""Submissions: filing a draft, and every step that follows.

When may a form not be submitted? `submit` says it, refusal by refusal.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, Integer, Table, Text, update

from app import clock
from app.catalogue import services
from app.catalogue.availability import Client
from app.catalogue.services import ServiceVersion
from app.catalogue.working_days import Calendar
from app.clock import day_of
from app.crypto import data_keys
from app.crypto.envelopes import Envelope, SealedBytes
from app.crypto.sealed import require_sealed
from app.database import Work, metadata
from app.documents import signatures, uploads
from app.events import StepTaken, SubmissionReceived
from app.identifiers import new_id, new_reference
from app.people import identity
from app.people.callers import Resident
from app.privacy import requirements
from app.privacy.acknowledgements import Shown
from app.privacy.requirements import Requirements
from app.refusals import Refusal
from app.submissions import applicants, applications, drafts, due_dates, history
from app.submissions.contents import SALT, content_hash
from app.submissions.drafts import submissions
from app.submissions.due_dates import DueDates
from app.submissions.history import Actor
from app.submissions.steps import FINAL_STATES, STEPS

# Every department × service has one queue; its turns are gapless because a filing that rolls back
# takes its number back with it.
queues = Table(
    "queues",
    metadata,
    Column("department_code", Text, ForeignKey("departments.code"), primary_key=True),
    Column("service_code", Text, ForeignKey("services.code"), primary_key=True),
    Column("last_turn", Integer, nullable=False),
    CheckConstraint("last_turn > 0", name="last_turn"),
)


class SubmissionIncomplete(Refusal):
    """Answers or materials are missing or wrong; `errors` names each one. The draft stays as it is."""


class UploadsUnchecked(Refusal):
    """A file is still being checked: ask again in a moment."""


class SignatureRequired(Refusal):
    """The service asks for a signature and the draft has none."""


class SignatureOutdated(Refusal):
    """The draft was changed after it was signed: what stands there now must be signed again."""


class StepNotAllowed(Refusal):
    """The submission is not in a state from which this step can be taken."""


def submit(
    work: Work,
    caller: Resident,
    submission_id: UUID,
    revision: int | None,
    language: str,
    shown: Shown = Shown(),  # noqa: B008 -- nothing can change it
    client: Client | None = None,
) -> dict[str, Any]:
    """File a draft: from here on it is the department's turn; the receipt.

    `shown` are the notices that the client says the person was shown. Raises SubmissionNotFound, AlreadySubmitted,
    Stale, StepUpRequired, SubmissionIncomplete, UploadsUnchecked, SignatureRequired, SignatureOutdated,
    ConsentRequired, NoticeUnseen, InvalidContent, or as `services.require_open`. None of them changes the draft.
    """
    draft = drafts.own_draft(work, caller, submission_id)
    drafts.check_revision(draft, revision)
    services.require_open(work.connection, draft.service_code, client)
    application = applications.of_draft(work.connection, draft)
    service, answers, files = application.service, application.answers, application.files
    identity.require(work.connection, caller, service)
    signature = signatures.standing(work.connection, draft, files) if service.needs_signature else None
    unsigned = service.needs_signature and signature is None
    _check_complete(service, answers, files, language, unsigned)
    proof = {"content_sha256": application.sha256, "content_salt": application.salt}
    if service.needs_signature:
        _check_signature(signature, proof["content_sha256"])
    # What was hidden when it was filed is kept no longer: neither the answers nor the files.
    uploads.take_out(work, application.unused)
    sealed = (data_keys.envelope(draft), data_keys.opened(draft).seal(answers, drafts.ANSWERS, submission_id))
    needed = requirements.of(service, answers, shown)
    return _file(work, caller, submission_id, sealed, proof, needed)


def submit_at_once(
    work: Work,
    caller: Resident,
    service_code: str,
    answers: dict[str, Any],
    language: str,
    shown: Shown = Shown(),  # noqa: B008 -- nothing can change it
    client: Client | None = None,
) -> dict[str, Any]:
    """Start and file in one go, for services that need neither materials nor a signature; the receipt.

    One round trip less on a weak network, and one for the whole work in the database. Raises
    StepUpRequired, SubmissionIncomplete, SignatureRequired, ConsentRequired, NoticeUnseen and InvalidContent, or as
    `services.for_filing`; nothing is kept then.
    """
    service = services.for_filing(work.connection, service_code, client)
    identity.require(work.connection, caller, service)
    answers = service.form.clean(answers, applicants.known(work.connection, service, caller.id))
    _check_complete(service, answers, [], language, unsigned=service.needs_signature)
    if service.needs_signature:
        raise SignatureRequired
    submission_id = new_id()
    envelope, key = data_keys.new()
    salt = key.salt(SALT)
    content_sha256 = content_hash(submission_id, service.code, service.version, caller.id, answers, [], salt)
    sealed = (envelope, key.seal(answers, drafts.ANSWERS, submission_id))
    proof = {"content_sha256": content_sha256, "content_salt": salt}
    needed = requirements.of(service, answers, shown)
    return _file(work, caller, submission_id, sealed, proof, needed)


def missing(connection: Connection, draft: Any, language: str) -> dict[str, list[str]]:
    """What a draft still lacks, as JSON Pointers with words; empty when it can be filed."""
    application = applications.of_draft(connection, draft)
    service, answers, files = application.service, application.answers, application.files
    faults = _faults(service, answers, files, language)
    needed = requirements.of(service, answers, Shown())
    faults |= requirements.missing(connection, draft.applicant_id, needed, language)
    if service.needs_signature:
        signature = signatures.standing(connection, draft, files)
        if signature is None or signature.content_sha256 != application.sha256:
            faults["/signature"] = [_SIGN[language]]
    return faults


_SIGN = {"zh": "请签名", "en": "Please sign"}
_ATTACH = {"zh": "请上传{}", "en": "Please upload: {}"}


def _faults(service: ServiceVersion, answers: dict[str, Any], files: list[Any], language: str) -> dict[str, list[str]]:
    faults = {f"/answers{pointer}": words for pointer, words in service.form.check(answers, language).items()}
    present = {file.material for file in files if file.state == "clean"}
    for material in service.materials_for(answers).values():
        if material.required and material.code not in present:
            faults[f"/materials/{material.code}"] = [_ATTACH[language].format(material.name[language])]
    return faults


def _check_complete(
    service: ServiceVersion, answers: dict[str, Any], files: list[Any], language: str, unsigned: bool
) -> None:
    """Raises SubmissionIncomplete with everything that is missing at once, the signature included."""
    if any(file.state == "received" for file in files):
        raise UploadsUnchecked
    faults = _faults(service, answers, files, language)
    if faults and unsigned:
        faults["/signature"] = [_SIGN[language]]
    if faults:
        raise SubmissionIncomplete(errors=faults)


def _check_signature(signature: Any, content_sha256: str) -> None:
    if signature is None:
        raise SignatureRequired
    if signature.content_sha256 != content_sha256:
        raise SignatureOutdated


# One statement, so one round trip: the turn, the filed row and its first history row. A draft is updated,
# a submission filed at once is inserted. The queue's row lock is held from here to the commit.
_FILING = """
WITH turn AS (
    INSERT INTO queues AS q (department_code, service_code, last_turn)
    VALUES (%(department)s, %(service)s, 1)
    ON CONFLICT (department_code, service_code) DO UPDATE SET last_turn = q.last_turn + 1
    RETURNING last_turn
), keyed AS (
    INSERT INTO data_keys (owner_id, key_id, master_key_id, wrapped)
    VALUES (%(id)s, %(key_id)s, %(master_key_id)s, %(wrapped)s) ON CONFLICT (owner_id) DO NOTHING
), filed AS (
    INSERT INTO submissions AS s (
        id, service_code, service_version, department_code, applicant_id, state, answers, content_sha256,
        reference, received_at, turn, acceptance_due, decision_due, due_provisional)
    SELECT %(id)s, %(service)s, %(version)s, %(department)s, %(applicant)s, 'received', %(answers)s,
           %(content_sha256)s, %(reference)s, %(at)s, last_turn, %(acceptance_due)s, %(decision_due)s, %(provisional)s
    FROM turn
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, answers = excluded.answers, content_sha256 = excluded.content_sha256,
        reference = excluded.reference, received_at = excluded.received_at, turn = excluded.turn,
        acceptance_due = excluded.acceptance_due, decision_due = excluded.decision_due,
        due_provisional = excluded.due_provisional, revision = s.revision + 1, expires_at = NULL
    RETURNING turn
), recorded AS (
    INSERT INTO history (submission_id, number, at, step, state, actor_kind, department_code)
    SELECT %(id)s, 1, %(at)s, 'receive', 'received', 'resident', %(department)s FROM filed
)"""
_FILE = f"{_FILING} SELECT turn FROM filed"
# The same, where notices or consents are asked for or told of; what is lacking undoes all of it.
_FILE_CHECKED = f"{_FILING}, {requirements.CHECK} SELECT filed.turn, {requirements.FOUND} FROM filed, lacking"


def _file(
    work: Work,
    caller: Resident,
    submission_id: UUID,
    sealed: tuple[Envelope, SealedBytes],
    proof: dict[str, str],
    needed: Requirements,
) -> dict[str, Any]:
    service, at = needed.service, clock.now()
    due = due_dates.at_receipt(calendar(), service, at)
    values = {
        "id": submission_id,
        "service": service.code,
        "version": service.version,
        "department": service.department_code,
        "applicant": caller.id,
        "answers": require_sealed(sealed[1]),
        **data_keys.columns(sealed[0], submission_id),
        "content_sha256": proof["content_sha256"],
        "reference": new_reference(day_of(at)),
        "at": at,
        "acceptance_due": due.acceptance,
        "decision_due": due.decision,
        "provisional": due.provisional,
    }
    if needed.nothing:
        row = work.row(_FILE, values)
    else:
        row = work.row(_FILE_CHECKED, values | needed.values(caller.id, submission_id, at))
        requirements.refuse_lacking(work.connection, caller, needed, row)
    work.announce(SubmissionReceived(submission_id))
    work.announce(StepTaken(submission_id, 1))
    return {**_receipt(submission_id, values, row.turn, due), **proof}


def _receipt(submission_id: UUID, values: dict[str, Any], turn: int, due: DueDates) -> dict[str, Any]:
    return {
        "id": submission_id,
        "reference": values["reference"],
        "state": "received",
        "turn": turn,
        "received_at": values["at"],
        "due": {"acceptance": due.acceptance, "decision": due.decision, "provisional": due.provisional},
    }


def take_step(
    work: Work,
    submission_id: UUID,
    name: str,
    actor: Actor,
    at: datetime,
    opinion: str | None = None,
) -> None:
    """Move a submission on by one step, under its row lock, and announce it.

    Raises StepNotAllowed with the state that stands.
    """
    step = STEPS[name]
    row = work.run(drafts.with_key().where(submissions.c.id == submission_id).with_for_update(of=submissions)).one()
    if row.state not in step.origins:
        raise StepNotAllowed(state=row.state)
    values: dict[str, Any] = {"state": step.target, "revision": row.revision + 1}
    if step.target in FINAL_STATES:
        values["completed_at"] = at
    if name == "accept":
        values |= _decision_clock(work, row, at)
    work.run(update(submissions).where(submissions.c.id == submission_id).values(**values))
    number = history.record(work, row, name, step.target, actor, at, opinion)
    work.announce(StepTaken(submission_id, number))


def _decision_clock(work: Work, row: Any, accepted_at: datetime) -> dict[str, Any]:
    service = services.version(work.connection, row.service_code, row.service_version)
    if service.on_the_spot:
        return {}
    due = due_dates.decision_due(calendar(), service, day_of(accepted_at))
    return {"decision_due": due.date, "due_provisional": due.provisional}


@cache
def calendar() -> Calendar:
    """The working-day calendar of this process."""
    return Calendar.load()
