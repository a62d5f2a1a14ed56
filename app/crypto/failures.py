"""What can go wrong with sealed values: errors for an operator, told apart by what mends them.

None of them carries a plain text or a key, and none is ever answered by storing or showing something unsealed.
They are not refusals: a client can do nothing about them.
"""

from __future__ import annotations


class SealError(Exception):
    """A sealed value, or the key to it, cannot be used."""


class SealBroken(SealError):
    """What was sealed has been cut, altered or moved since, or was never sealed: restore it from a backup."""


class SealKeyMissing(SealError):
    """The key with this id is not at hand: give the ring its old key back, or open with the right owner's key."""


class KeyNotInRing(SealKeyMissing):
    """No keeper has the master key that wraps a data key: give the ring its old key back."""


class SealVersionUnknown(SealError):
    """The format or the algorithms are not known to this release: a newer one wrote it, or it is no seal."""


class KeysAway(SealError):
    """The keeper of the master keys (KMS, HSM) does not answer just now: trying again helps, nothing is lost."""


class KeyFileUnsafe(SealError):
    """The key file may be read or written by others, or is not a key file: the service does not start with it."""


class KeyFileMissing(SealKeyMissing):
    """There is no key file where it should be: give it back. Nothing is lost as long as a copy exists."""


class SuiteUnavailable(SealError):
    """An algorithm needs a package that is not installed; the text names it."""
