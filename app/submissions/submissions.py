"""Submissions: filing a draft, and every step that follows.

When may a form not be submitted? `submit` says it, refusal by refusal.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from app import clock
from app.catalogue import calendars, services
from app.catalogue.availability import Client
from app.catalogue.services import ServiceVersion
from app.clock import day_of
from app.crypto import data_keys
from app.crypto.envelopes import DataKey, Envelope, SealedBytes
from app.crypto.sealed import require_sealed
from app.database import Work
from app.documents import signatures, uploads
from app.events import StepTaken, SubmissionReceived
from app.identifiers import new_id, new_reference
from app.people import identity
from app.people.callers import Resident
from app.privacy import requirements
from app.privacy.acknowledgements import Shown
from app.privacy.requirements import Requirements
from app.refusals import InvalidContent, Refusal
from app.submissions import (
    applicants,
    applications,
    chain,
    drafts,
    due_dates,
    history,
    issued_notices,
    moments,
    step_rules,
    turns,
)
from app.submissions.applications import Application
from app.submissions.contents import SALT, content_hash
from app.submissions.drafts import submissions
from app.submissions.history import NOTHING, Actor, Given
from app.submissions.moments import Moment
from app.submissions.steps import FINAL_STATES, STEPS, Step


class SubmissionIncomplete(Refusal):
    """Answers or materials are missing or wrong; `errors` names each one. The draft stays as it is."""


class UploadsUnchecked(Refusal):
    """A file is still being checked: ask again in a moment."""


class SignatureRequired(Refusal):
    """The service asks for a signature and the draft has none."""


class SignatureOutdated(Refusal):
    """The draft was changed after it was signed: what stands there now must be signed again."""


class StepNotAllowed(Refusal):
    """The submission is not in a state from which this step can be taken; `legal` is what could be done now."""


class StepForbidden(Refusal):
    """This step is not for people in this role; `legal` is what they may do now."""


class StepIncomplete(Refusal):
    """Something that this step needs is missing or empty; `errors` names each."""


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
    service, answers = application.service, application.answers
    proof = checked(work, caller, application, language)
    # What was hidden when it was filed is kept no longer: neither the answers nor the files.
    uploads.take_out(work, application.unused)
    key = data_keys.opened(draft)
    sealed = (data_keys.envelope(draft), key, key.seal(answers, drafts.ANSWERS, submission_id))
    needed = requirements.of(service, answers, shown)
    return _file(work, caller, submission_id, sealed, proof, needed)


def checked(work: Work, caller: Resident, application: Application, language: str) -> dict[str, str]:
    """The hash and salt of an application that may be filed as it stands.

    Raises StepUpRequired, SubmissionIncomplete, UploadsUnchecked, SignatureRequired, SignatureOutdated.
    """
    service, files = application.service, application.files
    identity.require(work.connection, caller, service)
    signature = signatures.standing(work.connection, application.draft, files) if service.needs_signature else None
    unsigned = service.needs_signature and signature is None
    _check_complete(service, application.answers, files, language, unsigned)
    proof = {"content_sha256": application.sha256, "content_salt": application.salt}
    if service.needs_signature:
        _check_signature(signature, proof["content_sha256"])
    return proof


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
    sealed = (envelope, key, key.seal(answers, drafts.ANSWERS, submission_id))
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
    wanted = service.materials_for(answers).values()
    missing = {one.code: one.name[language] for one in wanted if one.required and one.code not in present}
    return faults | to_attach(missing, language)


def to_attach(names: dict[str, str], language: str) -> dict[str, list[str]]:
    """What to say of missing materials, by their code and name."""
    return {f"/materials/{code}": [_ATTACH[language].format(name)] for code, name in names.items()}


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
_FILING = f"""
WITH {turns.NEXT}, keyed AS (
    INSERT INTO data_keys (owner_id, key_id, master_key_id, wrapped)
    VALUES (%(id)s, %(key_id)s, %(master_key_id)s, %(wrapped)s) ON CONFLICT (owner_id) DO NOTHING
), filed AS (
    INSERT INTO submissions AS s (
        id, service_code, service_version, department_code, applicant_id, state, answers, content_sha256,
        reference, received_at, turn, waiting, acceptance_due, decision_due, due_provisional, decision_noon)
    SELECT %(id)s, %(service)s, %(version)s, %(department)s, %(applicant)s, 'received', %(answers)s,
           %(content_sha256)s, %(reference)s, %(at)s, last_turn, %(waiting)s, %(acceptance_due)s, %(decision_due)s,
           %(provisional)s, %(decision_noon)s
    FROM turn
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, answers = excluded.answers, content_sha256 = excluded.content_sha256,
        reference = excluded.reference, received_at = excluded.received_at, turn = excluded.turn,
        waiting = excluded.waiting,
        acceptance_due = excluded.acceptance_due, decision_due = excluded.decision_due,
        due_provisional = excluded.due_provisional, decision_noon = excluded.decision_noon,
        revision = s.revision + 1, expires_at = NULL
    RETURNING turn
), recorded AS (
    INSERT INTO history (submission_id, number, at, step, from_state, state, actor_kind, actor_role, actor_id,
                         principal_id, department_code, terms, previous_hash, personal_digest, row_hash, hash_algorithm)
    SELECT %(id)s, 1, %(at)s, 'receive', 'draft', 'received', 'resident', 'applicant', %(applicant)s,
           %(applicant)s, %(department)s, %(terms)s::jsonb,
           %(previous_hash)s, %(personal_digest)s, %(row_hash)s, %(hash_algorithm)s FROM filed
)"""
_FILE = f"{_FILING} SELECT turn FROM filed"
# The same, where notices or consents are asked for or told of; what is lacking undoes all of it.
_FILE_CHECKED = f"{_FILING}, {requirements.CHECK} SELECT filed.turn, {requirements.FOUND} FROM filed, lacking"


def _file(
    work: Work,
    caller: Resident,
    submission_id: UUID,
    sealed: tuple[Envelope, DataKey, SealedBytes],
    proof: dict[str, str],
    needed: Requirements,
) -> dict[str, Any]:
    service, at = needed.service, clock.now()
    due = due_dates.columns(due_dates.at_receipt(calendars.current(work.connection), service, at))
    values = {
        "id": submission_id,
        "service": service.code,
        "version": service.version,
        "department": service.department_code,
        "applicant": caller.id,
        "answers": require_sealed(sealed[2]),
        **data_keys.columns(sealed[0], submission_id),
        "content_sha256": proof["content_sha256"],
        "reference": new_reference(day_of(at)),
        "at": at,
        **_first_row(submission_id, sealed[1], caller, service, at, proof["content_sha256"]),
        "acceptance_due": due["acceptance_due"],
        "decision_due": due["decision_due"],
        "decision_noon": due["decision_noon"],
        "provisional": due["due_provisional"],
        "waiting": not service.on_the_spot,
    }
    if needed.nothing:
        row = work.row(_FILE, values)
    else:
        row = work.row(_FILE_CHECKED, values | needed.values(caller.id, submission_id, at))
        requirements.refuse_lacking(work.connection, caller, needed, row)
    work.announce(SubmissionReceived(submission_id))
    work.announce(StepTaken(submission_id, 1))
    return {**_receipt(submission_id, values, row.turn), **proof}


def _first_row(
    submission_id: UUID, key: DataKey, caller: Resident, service: ServiceVersion, at: datetime, content_sha256: str
) -> dict[str, Any]:
    """What only Python can say of the first history row: its terms, which tie it to what was filed, and its hashes."""
    terms = {"content_sha256": content_sha256}
    facts = chain.RECEIPT | {
        "submission_id": submission_id,
        "at": at,
        "department_code": service.department_code,
        "terms": terms,
    }
    return {
        "terms": json.dumps(terms),
        **chain.link(key, facts, {"actor_id": caller.id, "principal_id": caller.id}, None),
    }


def _receipt(submission_id: UUID, values: dict[str, Any], turn: int) -> dict[str, Any]:
    return {
        "id": submission_id,
        "reference": values["reference"],
        "state": "received",
        "turn": turn,
        "received_at": values["at"],
        "due": {
            "acceptance": values["acceptance_due"],
            "decision": values["decision_due"],
            "noon": values["decision_noon"],
            "provisional": values["provisional"],
        },
    }


def take_step(work: Work, submission_id: UUID, name: str, actor: Actor, at: datetime, given: Given = NOTHING) -> int:
    """Move a submission on by one step, under its row lock, and announce it; the number of its history row.

    Raises StepForbidden, StepNotAllowed with the state that stands and what would be legal now, StepIncomplete,
    InvalidContent (a list, a day or days that the step does not take), the refusals of `step_rules.py`, or
    StepInThePast. Nothing is changed then.
    """
    step = STEPS[name]
    row = work.run(drafts.with_key().where(submissions.c.id == submission_id).with_for_update(of=submissions)).one()
    moment = moments.of(work.connection, row, at)
    _check_step(step, moment, actor, given)
    step_rules.check(name, moment, actor, given)
    moment = replace(moment, at=step_rules.time_of(moment))
    at = moment.at
    values: dict[str, Any] = {"state": step.target or row.state, "revision": row.revision + 1}
    if step.target in FINAL_STATES and row.completed_at is None:
        values["completed_at"] = at
    if step.target is not None and step.target not in FINAL_STATES:
        values["completed_at"] = None
    values |= turns.moved(work, moment, name, actor, given)
    if step.clocks:
        values |= due_dates.moved(moment, name, given)
    work.run(update(submissions).where(submissions.c.id == submission_id).values(**values))
    number = history.record(work, row, moment.tip, name, values["state"], actor, at, given)
    issued_notices.issue(work, moment, name, number, given, values)
    work.announce(StepTaken(submission_id, number))
    return number


def _check_step(step: Step, moment: Moment, actor: Actor, given: Given) -> None:
    if actor.role not in step.actors:
        raise StepForbidden(legal=list(step_rules.legal(moment, actor)))
    if moment.row.state not in step.origins:
        raise StepNotAllowed(state=moment.row.state, legal=list(step_rules.legal(moment, actor)))
    if lacking := given.lacking(step):
        raise StepIncomplete(errors={f"/{name}": ["必须填写 This is needed."] for name in sorted(lacking)})
    if surplus := given.surplus(step):
        raise InvalidContent(
            errors={f"/{name}": ["这一步没有此项 This step has no such thing."] for name in sorted(surplus)}
        )
