"""Accounts: whose login this is. Identities of one person are joined by proof, never by guess.

An identity belongs to the account that it came to first. Another one joins that account in two ways:

- *by the person*: both logins proved the same document number and the same name, each at level 3 or more. Then they
  are one person, whichever e-ID they take. A phone number or a name alone proves nothing of the kind.
- *by the hand of its owner*: somebody who is logged in, freshly and as strongly as their account allows, logs in with
  it once more. What both vouch for must not contradict.

WeChat and phone numbers vouch for nobody: with them alone there is an account, and no person. When such an account
turns out to be somebody's who has one already, it becomes part of that one (`mergers.py`).

A phone number goes to somebody else one day. Operators keep one that was given up out of use for ninety days at least
(电信服务规范 附录: 移动电话码号冻结时限最短为90日), so whoever proved it within ninety days still has it. A number that
was proved longer ago opens its former account only on a device that was logged in there; anywhere else it is a new
person's number, and begins a new account.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from app import clock
from app.crypto import data_keys, normal_forms
from app.crypto.blind_indexes import DOCUMENT_NUMBER, SUBJECT
from app.database import Work
from app.events import IdentityAdded, IdentityRemoved
from app.identifiers import new_id
from app.people import mergers, residents
from app.people.identities import BY_NUMBER, Identity, identities
from app.people.residents import Person
from app.people.residents import residents as accounts
from app.privacy import erasures
from app.refusals import Refusal

JOINING_LEVEL = 3
"""From here on a login proves that its holder is the person, and not only that the person exists (facts §2.3)."""

NUMBER_FROZEN = timedelta(days=90)


class PersonUnproved(Refusal):
    """The provider contradicts what others, as strong as itself, vouch for of the same account."""


class IdentityTaken(Refusal):
    """This identity belongs to another account, which is a proved person's."""


class IdentityOfSomebodyElse(Refusal):
    """The identity is another person's: name or document number are not those of this account."""


def enter(
    work: Work, identity: Identity, is_known_device: Callable[[UUID], bool] = lambda _: False
) -> tuple[UUID, Person | None]:
    """The resident whose identity this is, and the person known before; a new one at a first login.

    `is_known_device` says whether somebody was logged in to an account on the device that asks. Raises PersonUnproved,
    and NothingToIndex for a name or number of no characters.
    """
    _lock(work, identity)
    _release_old_number(work, identity, is_known_device)
    known = _standing_owner(work, identity)
    if known is not None:
        before = residents.person(work.connection, known)
        _take_over(work, known, identity, before)
        return known, before
    same = _same_person(work, identity)
    if same is not None:
        before = residents.person(work.connection, same)
        _add(work, same, identity)
        _take_over(work, same, identity, before)
        return same, before
    if identity.person is None:
        new_resident = residents.enrol_unproved(work, identity.phone)
    else:
        new_resident = residents.enrol(work, identity.person, identity.level)
    _add(work, new_resident, identity, first=True)
    return new_resident, None


def link(
    work: Work, resident_id: UUID, identity: Identity, require_owner: Callable[[], None] = lambda: None
) -> tuple[UUID, bool]:
    """Add an identity that the owner of an account has just logged in with; the account that is theirs from now on, and
    whether it was made of two: one that was nobody's yet, and one whose person has just been proved.

    `require_owner` refuses whoever may not do it; it is asked when nobody else changes the account any more. Raises
    what it raises, IdentityTaken, MergeNotPossible, IdentityOfSomebodyElse, PersonUnproved, NothingToIndex.
    """
    _lock(work, identity)
    _release_old_number(work, identity, lambda owner: owner == resident_id)
    owner = owner_of(work, identity.provider, identity.subject) or _same_person(work, identity)
    mergers.hold(work, {resident_id, owner or resident_id})
    require_owner()
    mine = residents.person(work.connection, resident_id)
    if mine is not None and identity.person is not None and not is_same(mine, identity.person):
        raise IdentityOfSomebodyElse
    target = resident_id if owner is None or owner == resident_id else _joined(work, resident_id, owner, mine, identity)
    if owner_of(work, identity.provider, identity.subject) is None:
        _add(work, target, identity)
    _take_over(work, target, identity, residents.person(work.connection, target))
    return target, owner is not None and owner != resident_id


def _joined(work: Work, resident_id: UUID, owner: UUID, mine: Person | None, identity: Identity) -> UUID:
    """Make one account of two of which at most one is a person's; that one stays, and is told which logins came.

    Into a person's account one comes by a login as strong as its owner needs for that (`identities.require_owner`):
    else whoever holds somebody's WeChat for a minute could put a phone number of their own in. Raises IdentityTaken.
    """
    theirs = residents.person(work.connection, owner)
    enough = min(JOINING_LEVEL, residents.proved_level(work.connection, owner))
    if theirs is not None and (mine is not None or identity.reached < enough):
        raise IdentityTaken
    source, target = (owner, resident_id) if theirs is None else (resident_id, owner)
    coming = work.run(select(identities.c.provider).where(identities.c.resident_id == source)).scalars().all()
    mergers.merge(work, source, target)
    for provider in coming:
        work.announce(IdentityAdded(target, provider))
    return target


def is_same(one: Person, other: Person) -> bool:
    """Whether two logins vouch for one person: the same document, and the same name."""
    return _normal(one) == _normal(other)


def _normal(person: Person) -> tuple[str, str, str]:
    return (*_number(person), normal_forms.full_name(person.name))


def _lock(work: Work, identity: Identity) -> None:
    """Two first logins at once must not make two residents of one person, at one provider or at two.

    Always in this order, so that no two wait for each other.
    """
    _lock_one(work, f"{identity.provider} {data_keys.candidates(SUBJECT, identity.subject)[-1].hex()}", 1)
    if identity.person is not None:
        _lock_one(work, data_keys.candidates(DOCUMENT_NUMBER, identity.person.document_number)[-1].hex(), 2)


def _lock_one(work: Work, who: str, kind: int) -> None:
    lock = {"who": who, "kind": kind}
    work.run_sql("SELECT pg_advisory_xact_lock(hashtextextended(%(who)s, %(kind)s))", lock)


def _is(provider: str, subject: str) -> Any:
    return (identities.c.provider == provider) & identities.c.subject_index.in_(data_keys.candidates(SUBJECT, subject))


def _standing_owner(work: Work, identity: Identity) -> UUID | None:
    """The resident whose identity this is, their row locked. An account that is just being closed is waited for, and
    then is nobody's: else somebody would be let in to what is erased half an hour later. One that is just becoming part
    of another is waited for too: the identity, which was read before, has then moved to the one that stays."""
    this = _is(identity.provider, identity.subject) & (accounts.c.id == identities.c.resident_id)
    statement = select(accounts.c.id, accounts.c.merged_into).where(this, accounts.c.closed_at.is_(None))
    statement = statement.with_for_update(key_share=True, of=accounts)
    found = work.run(statement).one_or_none()
    if found is not None and found.merged_into is not None:
        found = work.run(statement).one_or_none()
    return None if found is None else found.id


def owner_of(work: Work, provider: str, subject: str) -> UUID | None:
    """The resident whose identity this is; None when nobody has logged in with it yet."""
    found: UUID | None = work.run(select(identities.c.resident_id).where(_is(provider, subject))).scalar_one_or_none()
    return found


def _release_old_number(work: Work, identity: Identity, is_known: Callable[[UUID], bool]) -> None:
    """Take a number that nobody proved for long from the account that it opened; an account that nothing else opens
    ends with it."""
    old = identities.c.last_login_at <= clock.now() - NUMBER_FROZEN
    this = _is(identity.provider, identity.subject) & identities.c.method.in_(BY_NUMBER) & old
    owner = work.run(select(identities.c.resident_id).where(this)).scalar_one_or_none()
    if owner is None or is_known(owner):
        return
    work.run(delete(identities).where(this))
    others = select(identities.c.id).where(identities.c.resident_id == owner).limit(1)
    if work.run(others).one_or_none() is None and residents.person(work.connection, owner) is None:
        erasures.close(work, owner)
    else:
        work.announce(IdentityRemoved(owner, identity.provider))


def _same_person(work: Work, identity: Identity) -> UUID | None:
    """The account of the very person that this login proves; the oldest, should there be several from before."""
    if identity.person is None or identity.level < JOINING_LEVEL:
        return None
    numbers = data_keys.candidates(DOCUMENT_NUMBER, identity.person.document_number)
    proved = (accounts.c.proved_level >= JOINING_LEVEL) & accounts.c.closed_at.is_(None)
    found = work.run(
        select(accounts.c.id).where(accounts.c.document_number_index.in_(numbers), proved).order_by(accounts.c.id)
    )
    ids = list(found.scalars())
    people = residents.people(work.connection, ids)
    return next((one for one in ids if one in people and is_same(people[one], identity.person)), None)


def _add(work: Work, resident_id: UUID, identity: Identity, first: bool = False) -> None:
    identity_id, now = new_id(), clock.now()
    values = {
        "id": identity_id,
        "provider": identity.provider,
        "subject_index": data_keys.index(SUBJECT, identity.subject),
        "resident_id": resident_id,
        "level": identity.reached,
        "method": identity.method,
        "added_at": now,
        "last_login_at": now,
    }
    work.run(insert(identities).values(**values))
    if not first:
        work.announce(IdentityAdded(resident_id, identity.provider))


def _take_over(work: Work, resident_id: UUID, identity: Identity, before: Person | None) -> None:
    """What this login says of its person, unless a stronger one said otherwise. Raises PersonUnproved."""
    values = {
        "subject_index": data_keys.index(SUBJECT, identity.subject),
        "last_login_at": clock.now(),
        "level": identity.reached,
        "method": identity.method,
    }
    work.run(update(identities).where(_is(identity.provider, identity.subject)).values(**values))
    if identity.person is None:
        if identity.phone and residents.phone(work.connection, resident_id) is None:
            residents.correct_phone(work, resident_id, identity.phone)
        return
    weaker = before is not None and identity.level < residents.proved_level(work.connection, resident_id)
    if before is not None and _number(before) != _number(identity.person) and (weaker or _is_shared(work, resident_id)):
        raise PersonUnproved
    if not weaker:
        residents.refresh(work, resident_id, identity.person, identity.level)


def _number(person: Person) -> tuple[str, str]:
    return person.document_type, normal_forms.document_number(person.document_number)


def _is_shared(work: Work, resident_id: UUID) -> bool:
    """Whether several identities vouch for the person of this account: then one alone does not change the number."""
    vouching = (identities.c.resident_id == resident_id) & (identities.c.level > 1)
    return len(work.run(select(identities.c.id).where(vouching).limit(2)).all()) > 1
