"""Uploads: files on their way from a phone to the clean store.

A phone asks for a slot, declares size and SHA-256, sends the bytes straight to the store, and confirms.
A job then compares the bytes with what was declared and looks at what they really are; only a clean upload
counts as an attachment. Each file stands alone: one that fails takes no other with it.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import puremagic
from PIL import Image
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Select,
    Table,
    Text,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as Uuid

from app import clock, database, jobs, storage
from app.catalogue import services
from app.catalogue.services import Material
from app.crypto import data_keys
from app.crypto.sealed import Sealed, personal, sealed_only
from app.database import Job, Work, metadata
from app.events import UploadReceived
from app.identifiers import new_id
from app.people.callers import Resident
from app.privacy import removals
from app.refusals import InvalidContent, NotFound, Refusal
from app.settings import settings
from app.submissions import drafts, promises

STATES = ("slot", "received", "clean", "refused")
LARGEST = 100 * 1024 * 1024
"""Bytes that any upload may have at most; a material's own `max_bytes` is usually far less."""

FILENAME = "uploads.filename"

_INCOMING = "incoming/"
_SLOTS_PER_MATERIAL = 20
_LOST_AFTER = timedelta(minutes=15)
_MAX_PIXELS = 50_000_000

uploads = Table(
    "uploads",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("submission_id", Uuid(as_uuid=True), ForeignKey("submissions.id"), nullable=False),
    Column("owner_id", Uuid(as_uuid=True), ForeignKey("residents.id"), nullable=False),
    Column("material", Text, nullable=False),
    Column("filename", Sealed, nullable=False, info=personal(purpose="to show which file is which")),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("refusal", Text),
    Column("key", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("removed_at", DateTime(timezone=True)),
    # In which filing it came, and in which it was left out again: what was filed before stays as it was.
    Column("round", Integer, nullable=False, server_default="1"),
    Column("left_out_in", Integer),
    CheckConstraint(f"state IN {STATES}", name="state"),
    sealed_only("filename"),
    Index(None, "submission_id"),
)


class UploadNotFound(NotFound):
    """No such upload of this resident."""


class UploadMissing(Refusal):
    """The phone says that it sent the bytes, but the store has none: send them again."""


class UploadLimitReached(Refusal):
    """Too many slots were asked for one material."""


def ask_slot(work: Work, caller: Resident, submission_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """A slot for one file of a draft or of a correction, with the form that the phone posts to the store.

    `wish` has material, filename, content_type, size (bytes) and sha256 (hex). Raises NotFound,
    AlreadySubmitted, InvalidContent (a material, type or size the service does not take with these answers),
    UploadLimitReached.
    """
    draft = promises.own_open(work, caller, submission_id)
    service = services.version(work.connection, draft.service_code, draft.service_version)
    wanted = service.materials_for(drafts.cleaned(work.connection, service, draft))
    _check_wish(promises.open_materials(work.connection, draft, wanted), wish)
    _check_slot_count(work, submission_id, wish["material"])
    upload_id = new_id()
    key = f"{_INCOMING}{upload_id}"
    name = data_keys.opened(draft).seal(wish["filename"], FILENAME, upload_id)
    work.run(
        insert(uploads).values(
            id=upload_id,
            submission_id=submission_id,
            owner_id=caller.id,
            state="slot",
            key=key,
            round=drafts.round_in_work(draft),
            **wish | {"filename": name},
        )
    )
    life = settings().upload_slot_life
    post = storage.presigned_post(key, wish["content_type"], wish["size"], int(life.total_seconds()))
    return {"id": upload_id, "state": "slot", "post": post, "expires_at": clock.now() + life}


def _check_wish(wanted: Mapping[str, Material], wish: dict[str, Any]) -> None:
    material = wanted.get(wish["material"])
    if material is None:
        raise InvalidContent(errors={"/material": [f"One of: {', '.join(sorted(wanted))}."]})
    if wish["content_type"] not in material.accept:
        raise InvalidContent(errors={"/content_type": [f"One of: {', '.join(material.accept)}."]})
    if wish["size"] > material.max_bytes:
        raise InvalidContent(errors={"/size": [f"At most {material.max_bytes} bytes."]})


def _check_slot_count(work: Work, submission_id: UUID, material: str) -> None:
    count = select(func.count()).where(uploads.c.submission_id == submission_id, uploads.c.material == material)
    if work.run(count).scalar_one() >= _SLOTS_PER_MATERIAL:
        raise UploadLimitReached


def fits(material: Material | None, upload: Any) -> bool:
    """Whether a file that was taken for some version of a service is taken for this material too."""
    return material is not None and upload.content_type in material.accept and upload.size <= material.max_bytes


def copy_into(work: Work, draft: Any, upload: Any) -> None:
    """Give a draft a file of an earlier submission of the same person; both rows were read with their keys.

    A job then copies the bytes and checks them anew: until then the new upload points at the earlier one's bytes.
    """
    upload_id = new_id()
    kept = ("owner_id", "material", "content_type", "size", "sha256", "key")
    work.run(
        insert(uploads).values(
            id=upload_id,
            submission_id=draft.id,
            state="received",
            filename=data_keys.opened(draft).seal(filename(upload), FILENAME, upload_id),
            **{name: getattr(upload, name) for name in kept},
        )
    )
    work.announce(UploadReceived(upload_id))


def confirm(work: Work, caller: Resident, upload_id: UUID) -> dict[str, Any]:
    """Take note that the bytes were sent, and have them checked. Confirming twice is the same as once.

    Raises UploadNotFound, UploadMissing and AlreadySubmitted: what was filed and signed takes no further file.
    """
    upload = _own(work.connection, caller, upload_id)
    if upload.state == "slot":
        _lock_submission(work, caller, upload)
        upload = _own(work.connection, caller, upload_id)
    if upload.state != "slot":
        return described(upload)
    if storage.size_of(upload.key) is None:
        raise UploadMissing
    work.run(update(uploads).where(uploads.c.id == upload_id).values(state="received"))
    work.announce(UploadReceived(upload_id))
    return {**described(upload), "state": "received"}


def show(connection: Connection, caller: Resident, upload_id: UUID) -> dict[str, Any]:
    """Where an upload stands. Raises UploadNotFound."""
    return described(_own(connection, caller, upload_id))


def remove(work: Work, caller: Resident, upload_id: UUID) -> None:
    """Take a file out of a draft or of a correction. Raises UploadNotFound, AlreadySubmitted.

    A file that was filed once stays in what was filed; it is only left out of what is filed next.
    """
    submission = _lock_submission(work, caller, _own(work.connection, caller, upload_id))
    leave_out(work, submission, [_own(work.connection, caller, upload_id)])


def leave_out(work: Work, submission: Any, files: Collection[Any]) -> None:
    """Files that the filing in work does not have: new ones go, filed ones stay with the filing they came in."""
    in_work = drafts.round_in_work(submission)
    take_out(work, [file for file in files if file.round == in_work])
    if filed := [file.id for file in files if file.round < in_work]:
        work.run(update(uploads).where(uploads.c.id.in_(filed)).values(left_out_in=in_work))


def take_out(work: Work, files: Collection[Any]) -> None:
    """Remove files of a draft whose row the caller has locked."""
    if not files:
        return
    ids = [file.id for file in files]
    work.run(update(uploads).where(uploads.c.id.in_(ids)).values(removed_at=clock.now()))
    removals.ask(work, [prefix for upload_id in ids for prefix in removals.of_upload(upload_id)])


def described(upload: Any) -> dict[str, Any]:
    """What the owner sees of an upload."""
    names = ("id", "material", "content_type", "size", "sha256", "state", "refusal")
    return {**{name: getattr(upload, name) for name in names}, "filename": filename(upload)}


def filename(upload: Any) -> str:
    """What the resident calls the file, of a row that was read with its submission's key. Raises SealError."""
    return data_keys.opened(upload).open_text(upload.filename, FILENAME, upload.id)


def listing(connection: Connection, submission_id: UUID) -> list[Any]:
    """Every upload of a submission as it was filed last, or of a draft, oldest first."""
    filed = select(drafts.submissions.c.round).where(drafts.submissions.c.id == submission_id).scalar_subquery()
    return _of_round(connection, submission_id, filed)


def in_work(connection: Connection, row: Any) -> list[Any]:
    """The same of the filing that is being prepared."""
    return _of_round(connection, row.id, literal(drafts.round_in_work(row)))


def _of_round(connection: Connection, submission_id: UUID, number: ColumnElement[int]) -> list[Any]:
    statement = _with_key().where(
        uploads.c.submission_id == submission_id,
        uploads.c.removed_at.is_(None),
        uploads.c.round <= number,
        uploads.c.left_out_in.is_(None) | (uploads.c.left_out_in > number),
    )
    return list(connection.execute(statement.order_by(uploads.c.id)))


def ever_filed(connection: Connection, submission_id: UUID) -> list[Any]:
    """Every clean upload that any filing had, oldest first."""
    statement = _with_key().where(
        uploads.c.submission_id == submission_id, uploads.c.removed_at.is_(None), uploads.c.state == "clean"
    )
    return list(connection.execute(statement.order_by(uploads.c.id)))


def attached(files: list[Any]) -> list[Any]:
    """The clean files that answer a material of the guide."""
    return [file for file in files if file.state == "clean" and file.material != services.SIGNATURE.code]


def _with_key() -> Select[Any]:
    """Uploads together with the key of their submission."""
    keys = data_keys.data_keys
    return select(uploads, *data_keys.KEY).outerjoin(keys, keys.c.owner_id == uploads.c.submission_id)


def on_received(work: Work, event: UploadReceived) -> None:
    """The listener: bytes that arrived want to be checked."""
    work.defer(Job("inspect_upload", {"upload_id": str(event.upload_id)}, lock=f"inspect:{event.upload_id}"))


@jobs.task("inspect_upload")
def inspect(upload_id: str) -> None:
    """Compare the stored bytes with what was declared, and settle the upload as clean or refused.

    May run twice: each run checks a copy of its own, only one of them settles the upload, and the copies of the
    others are removed. No connection is held while the store is read. Raises StorageAway.
    """
    with database.reading() as connection:
        upload = connection.execute(select(uploads).where(uploads.c.id == UUID(upload_id))).one_or_none()
    # None when its draft was erased meanwhile; then the files are removed by `app/privacy/removals.py`.
    if upload is None or upload.state != "received":
        return
    # The phone knows the first key and can overwrite it until its form expires, even while we look. So what is
    # checked, and kept, is a copy under a key that it never learns.
    copy = f"clean/{upload_id}/{new_id()}"
    is_posted = upload.key.startswith(_INCOMING)
    if not is_posted and storage.size_of(upload.key) is None:
        # It came from an earlier submission, whose files were removed in the meantime.
        refusal: str | None = "source_gone"
    else:
        storage.copy(upload.key, copy)
        refusal = _fault(upload, copy)
    clean = {"state": "clean", "key": copy}
    outcome = clean if refusal is None else {"state": "refused", "refusal": refusal}
    settle = update(uploads).where(uploads.c.id == upload.id, uploads.c.state == "received").values(**outcome)
    with database.work() as work:
        settled = work.run(settle).rowcount == 1
    if refusal is not None or not settled:
        storage.remove(copy)
    if is_posted:
        storage.remove(upload.key)


@jobs.tasks.periodic(cron="* * * * *")
@jobs.task("sweep_uploads", queueing_lock="sweep_uploads")
def sweep(timestamp: int) -> None:
    """Have uploads checked again whose check got lost, so that none waits for ever."""
    with database.work() as work:
        for upload_id in work.run_sql(_LOST, {"before": clock.now() - _LOST_AFTER}).scalars().all():
            on_received(work, UploadReceived(upload_id))


_LOST = """
SELECT u.id FROM uploads u
WHERE u.state = 'received' AND u.removed_at IS NULL AND u.created_at < %(before)s
  AND NOT EXISTS (SELECT FROM procrastinate_jobs j
                  WHERE j.lock = 'inspect:' || u.id AND j.status IN ('todo', 'doing'))
LIMIT 500
"""


def _fault(upload: Any, key: str) -> str | None:
    """Why the bytes stored under the key are not the upload as declared: a word for the client, or None."""
    digest, content = hashlib.sha256(), bytearray()
    for chunk in storage.chunks(key):
        digest.update(chunk)
        content += chunk
        if len(content) > upload.size:
            return "size_mismatch"
    if len(content) != upload.size:
        return "size_mismatch"
    if digest.hexdigest() != upload.sha256:
        return "checksum_mismatch"
    return None if _is_really(upload.content_type, bytes(content)) else "type_mismatch"


def _is_really(content_type: str, content: bytes) -> bool:
    """Whether the bytes are what they were said to be, judged by content and never by name."""
    try:
        found = {match.mime_type for match in puremagic.magic_string(content)}
    except puremagic.PureError:
        return False
    if content_type not in found:
        return False
    return _is_sound_image(content) if content_type.startswith("image/") else True


def _is_sound_image(content: bytes) -> bool:
    """Whether an image opens, without unpacking a decompression bomb."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                pixels = image.width * image.height
                image.verify()
    except (OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError):
        return False
    return pixels <= _MAX_PIXELS


def _own(connection: Connection, caller: Resident, upload_id: UUID) -> Any:
    statement = _with_key().where(
        uploads.c.id == upload_id, uploads.c.owner_id == caller.id, uploads.c.removed_at.is_(None)
    )
    upload = connection.execute(statement).one_or_none()
    if upload is None:
        raise UploadNotFound
    return upload


def _lock_submission(work: Work, caller: Resident, upload: Any) -> Any:
    """The submission of an upload, open for files and locked; the upload is read anew behind it.

    Only this lock orders those who change files. Who drops or files a draft asks for it first and for its files after
    that, so one who locked a file first would meet them crosswise. Raises UploadNotFound, AlreadySubmitted.
    """
    try:
        return promises.own_open(work, caller, upload.submission_id)
    except drafts.SubmissionNotFound:
        raise UploadNotFound from None
