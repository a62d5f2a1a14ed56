"""Renewals: a draft made from an earlier submission, or moved to a newer version of its service."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, update

from app import clock
from app.catalogue import services
from app.catalogue.availability import Client
from app.catalogue.services import ServiceNotOnline, ServiceVersion
from app.crypto import data_keys
from app.database import Work
from app.documents import signatures, uploads
from app.people.callers import Resident
from app.settings import settings
from app.submissions import drafts
from app.submissions.drafts import ANSWERS, SubmissionNotFound, submissions


class Renewed(NamedTuple):
    """The draft as a row, and JSON Pointers into the earlier one of what does not fit any more."""

    draft: Any
    dropped: list[str]


def copy(
    work: Work, caller: Resident, submission_id: UUID, typed: dict[str, Any], client: Client | None = None
) -> Renewed:
    """Open a draft for the current version of the service with the answers of an earlier submission.

    `typed` is merged into them. Reusable materials that the new draft calls for come with it, once a job has copied
    them. The earlier submission stays as it is. Raises SubmissionNotFound, DraftLimitReached, or as
    `services.for_filing`.
    """
    # Locked, so that no purge takes away in the middle what is being copied.
    earlier = drafts.own(work.connection, caller, submission_id, lock=True)
    if earlier.restricted_at is not None:
        raise SubmissionNotFound
    service = services.for_filing(work.connection, earlier.service_code, client)
    answers, dropped = _carried(work.connection, earlier, service)
    draft = drafts.begin(work, caller, service, drafts.merged(answers, typed))
    wanted = service.materials_for(drafts.cleaned(work.connection, service, draft))
    for file in uploads.attached(uploads.listing(work.connection, submission_id)):
        material = wanted.get(file.material)
        if material is not None and material.reusable and uploads.fits(material, file):
            uploads.copy_into(work, draft, file)
    return Renewed(draft, dropped)


def newer_version(connection: Connection, draft: Any) -> int | None:
    """The version to which a draft can be moved; None when its own is current, or none is."""
    try:
        service = services.current(connection, draft.service_code)
    except services.UNAVAILABLE:
        return None
    return service.version if service.on_the_phone and service.version > draft.service_version else None


def upgrade(work: Work, caller: Resident, submission_id: UUID, revision: int | None) -> Renewed:
    """Move a draft to the current version of its service; one that is there already stays as it is.

    What still fits stays, and what was signed must be signed again. Raises SubmissionNotFound, AlreadySubmitted,
    Stale, ServiceNotOnline, or as `services.current`; the draft stays as it is then.
    """
    draft = drafts.own_draft(work, caller, submission_id)
    drafts.check_revision(draft, revision)
    service = services.current(work.connection, draft.service_code)
    if not service.on_the_phone:
        raise ServiceNotOnline(channels=service.definition["channels"])
    if service.version <= draft.service_version:
        return Renewed(draft, [])
    answers, dropped = _carried(work.connection, draft, service)
    signatures.withdraw(work, submission_id)
    dropped += _drop_unfit_files(work, submission_id, service)
    typed = drafts.with_prefilled(work.connection, service, caller, answers)
    values = {
        "service_version": service.version,
        "department_code": service.department_code,
        "answers": data_keys.opened(draft).seal(typed, ANSWERS, submission_id),
        "revision": draft.revision + 1,
        "expires_at": clock.now() + settings().draft_life,
        "warned_at": None,
    }
    work.run(update(submissions).where(submissions.c.id == submission_id).values(**values))
    return Renewed(drafts.own(work.connection, caller, submission_id), dropped)


def _carried(connection: Connection, earlier: Any, service: ServiceVersion) -> tuple[dict[str, Any], list[str]]:
    before = services.version(connection, earlier.service_code, earlier.service_version)
    carried = service.form.carry_over(drafts.answers(earlier), before.form)
    return carried.answers, [f"/answers{place}" for place in carried.dropped]


def _drop_unfit_files(work: Work, submission_id: UUID, service: ServiceVersion) -> list[str]:
    """Take out the files that the new version takes in no situation; the pointers of their materials."""
    files = uploads.listing(work.connection, submission_id)
    unfit = [file for file in files if not uploads.fits(service.materials.get(file.material), file)]
    uploads.take_out(work, unfit)
    return [f"/materials/{code}" for code in dict.fromkeys(file.material for file in unfit)]
