"""Archives: a ZIP file (PKWARE APPNOTE 6.3.10) written piece by piece, each piece sealed, so that it can be resumed.

Everything is stored, not deflated, and every local header tells size and CRC beforehand: that is what the unpackers of
the oldest phones read, and pictures and PDFs don't shrink. The header of a member is written after its bytes but stands
before them, because pieces are objects of their own whose order the plan of the copy knows.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.clock import CHINA

PIECE: Final = 1024 * 1024
"""Bytes of a piece at most, so what building and downloading need of memory."""

_UTF8 = 1 << 11
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF

MIME: Final = "application/zip"


@dataclass(frozen=True)
class Entry:
    """One member that is in the archive: where its header begins, and what its bytes are."""

    name: str
    offset: int
    size: int
    crc: int
    sha256: str


@dataclass(frozen=True)
class Written:
    """A member's pieces in their order, as (number, bytes), with its entry."""

    entry: Entry
    pieces: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        return sum(size for _, size in self.pieces)


def write(
    name: str, content: Iterable[bytes], offset: int, number: int, at: datetime, put: Callable[[int, bytes], None]
) -> Written:
    """Write one member that begins at `offset`, in pieces numbered from `number`, each given to `put`."""
    crc, size, digest, buffer = 0, 0, hashlib.sha256(), bytearray()
    pieces: list[tuple[int, int]] = []
    for chunk in content:
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        digest.update(chunk)
        buffer += chunk
        while len(buffer) >= PIECE:
            # Number `number` is kept for the header.
            _put(put, pieces, number + 1 + len(pieces), bytes(buffer[:PIECE]))
            del buffer[:PIECE]
    entry = Entry(name, offset, size, crc, digest.hexdigest())
    head = _local_header(entry, at)
    if not pieces:
        head, buffer = head + bytes(buffer), bytearray()
    if buffer:
        _put(put, pieces, number + 1 + len(pieces), bytes(buffer))
    put(number, head)
    return Written(entry, ((number, len(head)), *pieces))


def _put(put: Callable[[int, bytes], None], pieces: list[tuple[int, int]], number: int, content: bytes) -> None:
    put(number, content)
    pieces.append((number, len(content)))


def _dos_time(at: datetime) -> tuple[int, int]:
    """Time and date of MS-DOS, in China's time (APPNOTE §4.4.6)."""
    local = at.astimezone(CHINA)
    return (
        local.hour << 11 | local.minute << 5 | local.second // 2,
        (local.year - 1980) << 9 | local.month << 5 | local.day,
    )


def _local_header(entry: Entry, at: datetime) -> bytes:
    """APPNOTE §4.3.7. A member is never as large as 4 GiB: the largest is an upload."""
    name = entry.name.encode()
    fields = (20, _UTF8, 0, *_dos_time(at), entry.crc, entry.size, entry.size, len(name), 0)
    return b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", *fields) + name


def directory(entries: Sequence[Entry], offset: int, at: datetime) -> bytes:
    """The central directory that ends the archive (APPNOTE §4.3.12 to 4.3.16), with ZIP64 where numbers need it."""
    body = b"".join(_central_header(entry, at) for entry in entries)
    count, size = len(entries), len(body)
    tail = b""
    if count >= _MAX_16 or offset >= _MAX_32:
        end64 = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, offset)
        tail = b"PK\x06\x06" + end64 + b"PK\x06\x07" + struct.pack("<IQI", 0, offset + size, 1)
    shown = min(count, _MAX_16)
    end = struct.pack("<HHHHIIH", 0, 0, shown, shown, size, min(offset, _MAX_32), 0)
    return body + tail + b"PK\x05\x06" + end


def _central_header(entry: Entry, at: datetime) -> bytes:
    name = entry.name.encode()
    extra = struct.pack("<HHQ", 1, 8, entry.offset) if entry.offset >= _MAX_32 else b""
    fields = (45 if extra else 20, 45 if extra else 20, _UTF8, 0, *_dos_time(at), entry.crc, entry.size, entry.size)
    rest = (len(name), len(extra), 0, 0, 0, 0, min(entry.offset, _MAX_32))
    return b"PK\x01\x02" + struct.pack("<HHHHHHIII", *fields) + struct.pack("<HHHHHII", *rest) + name + extra
