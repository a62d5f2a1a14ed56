"""Archives: what we write by hand, every unpacker reads."""

from __future__ import annotations

import io
import os
import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.privacy import archives
from app.privacy.archives import PIECE, Entry

AT = datetime(2026, 11, 22, 3, 4, 6, tzinfo=UTC)


def written(members: list[tuple[str, list[bytes]]]) -> bytes:
    """The archive of these members, with its pieces laid out in the order that they name."""
    kept: dict[int, bytes] = {}
    order: list[int] = []
    entries: list[Entry] = []
    offset = 0
    for place, (name, content) in enumerate(members, 1):
        member = archives.write(name, content, offset, 1000 * place, AT, kept.__setitem__)
        order += [number for number, _ in member.pieces]
        assert [len(kept[number]) for number, _ in member.pieces] == [size for _, size in member.pieces]
        offset += member.length
        entries.append(member.entry)
    return b"".join(kept[number] for number in order) + archives.directory(entries, offset, AT)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,8}\.(json|png)", fullmatch=True), st.lists(st.binary(max_size=3000), max_size=4)
        ),
        max_size=6,
        unique_by=lambda member: member[0],
    )
)
def test_whatever_is_put_in_comes_out(members: list[tuple[str, list[bytes]]]) -> None:
    with zipfile.ZipFile(io.BytesIO(written(members))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: b"".join(content) for name, content in members
        }


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_a_member_of_any_size_is_cut_into_pieces_and_whole_again(size: int) -> None:
    content = random.Random(size).randbytes(size)
    chunks = [content[start : start + 70_000] for start in range(0, size, 70_000)]

    with zipfile.ZipFile(io.BytesIO(written([("a", [b"x"]), ("photo.png", chunks), ("z", [b"y"])]))) as archive:
        assert archive.read("photo.png") == content
        info = archive.getinfo("photo.png")

    assert (info.compress_type, info.flag_bits & 8) == (zipfile.ZIP_STORED, 0), "old phones read no data descriptors"
    assert info.date_time == (2026, 11, 22, 11, 4, 6), "in China's time"


def test_no_piece_is_larger_than_memory_allows() -> None:
    sizes: list[int] = []
    archives.write("big", (b"\0" * 65536 for _ in range(100)), 0, 1, AT, lambda _, piece: sizes.append(len(piece)))
    assert max(sizes) <= PIECE and sum(sizes) > 100 * 65536


def test_a_chinese_name_keeps_its_characters() -> None:
    with zipfile.ZipFile(io.BytesIO(written([("我的.json", [b"{}"])]))) as archive:
        assert archive.namelist() == ["我的.json"]


def test_what_begins_beyond_four_gigabytes_is_found(tmp_path: Path) -> None:
    """A file with a hole in it: it takes no room, and looks to an unpacker like a very large archive."""
    beyond = 5 * 1024**3
    kept: dict[int, bytes] = {}
    member = archives.write("late.txt", [b"found"], beyond, 1, AT, kept.__setitem__)
    with (tmp_path / "large.zip").open("wb") as file:
        file.seek(beyond)
        file.write(kept[1] + archives.directory([member.entry], beyond + member.length, AT))
    assert os.stat(tmp_path / "large.zip").st_size > beyond

    with zipfile.ZipFile(tmp_path / "large.zip") as archive:
        assert archive.read("late.txt") == b"found"
