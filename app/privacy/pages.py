"""Pages: what stands in a copy, in JSON for machines and in one HTML page for people, Chinese and English together."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.clock import CHINA
from app.privacy.holdings import ENDINGS, Holding

_HEAD = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>我的全部信息 Everything about me</title>
<style>body{font:16px/1.6 sans-serif;margin:1em auto;max-width:46em;padding:0 1em;color:#111}
dl{border:1px solid #bbb;border-radius:6px;padding:.6em 1em}dt{color:#444}dd{margin:0 0 .4em 1em;
overflow-wrap:anywhere}small{color:#444}h2{margin-top:2em}</style>
<h1>我的全部信息<br><small>Everything we hold about me</small></h1>
"""

_INTRODUCTION = """<p>依照个人信息保护法第四十五条提供。生成时间 {at}。本文件夹中：
data/ 是可供其他系统读取的数据（JSON），files/ 是您上传的文件，results/ 是办理结果，
manifest.json 列出每个文件的摘要（SHA-256）。里面都是您的个人信息，请妥善保管。</p>
<p>Given under art. 45 of the Personal Information Protection Law. Made at {at}. In this folder: data/ for other systems
to read (JSON), files/ what you uploaded, results/ what offices made, manifest.json the SHA-256 of each. It is all about
you: please keep it safe.</p>
"""


def json_of(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A JSON array, row by row."""
    yield b"["
    for place, row in enumerate(rows):
        text = json.dumps(row, ensure_ascii=False, default=_plain)
        yield (",\n" if place else "\n").encode() + text.encode(errors="replace")
    yield b"\n]\n"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(CHINA).isoformat()
    if isinstance(value, date | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a copy")


def head(at: datetime) -> Iterator[bytes]:
    yield _HEAD.encode()
    yield _INTRODUCTION.format(at=f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}").encode()


def files(listed: Sequence[tuple[str, str]]) -> Iterator[bytes]:
    """Links to the files in the archive: pairs of their name there and what they were called."""
    yield "<h2>文件 <small>Files</small></h2><ul>".encode()
    for name, called in listed:
        yield f'<li><a href="{html.escape(name)}">{html.escape(name)}</a> {_text(called)}</li>'.encode()
    yield b"</ul>"


def section(holding: Holding, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One noun: how long it is kept, and every row."""
    yield f"<h2>{holding.title['zh']} <small>{holding.title['en']}</small></h2>".encode()
    ending = ENDINGS[holding.ends]
    yield f"<p><small>{ending['zh']}。{ending['en']}.</small></p>".encode()
    labels = {**holding.shown, **{name: words for name, (_, words) in holding.computed.items()}}
    is_empty = True
    for row in rows:
        is_empty = False
        yield b"<dl>"
        for name, value in row.items():
            if value is not None:
                words = labels[name]
                yield f"<dt>{words['zh']} <small>{words['en']}</small></dt><dd>{_value(value)}</dd>".encode()
        yield b"</dl>"
    if is_empty:
        yield "<p>没有 <small>None</small></p>".encode()


def left_out(holdings: Iterable[Holding]) -> Iterator[bytes]:
    """What is not in the copy, and why."""
    yield "<h2>未包括的内容 <small>Not included</small></h2><ul>".encode()
    for title, words in _omissions(holdings):
        yield f"<li>{title['zh']}：{words['zh']} <small>{title['en']}: {words['en']}</small></li>".encode()
    yield b"</ul></html>\n"


_STAFFS_WORDS = (
    {"zh": "工作人员查询时写的事由", "en": "The reasons that staff gave for their looks"},
    {"zh": "可能涉及他人", "en": "they may name somebody else"},
)


def _omissions(holdings: Iterable[Holding]) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    yield from ((holding.title, holding.left_out) for holding in holdings if holding.left_out)
    yield _STAFFS_WORDS


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = "".join(f"<dt>{_text(name)}</dt><dd>{_value(inner)}</dd>" for name, inner in value.items())
        return f"<dl>{pairs}</dl>"
    if isinstance(value, list):
        return "<ul>" + "".join(f"<li>{_value(inner)}</li>" for inner in value) + "</ul>"
    if isinstance(value, bool):
        return "是 <small>yes</small>" if value else "否 <small>no</small>"
    if isinstance(value, datetime):
        return f"{value.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    return _text(str(value))


def _text(text: str) -> str:
    return html.escape(text.encode(errors="replace").decode())
