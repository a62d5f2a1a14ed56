"""The result document of a sandbox office: a PDF/A page in Chinese, made by typst."""

import importlib.metadata
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import typst

from sandbox import office_names

FONT_PACKAGE = "justmytype-intl-cjk"
FONT_FILE = "NotoSansSC[wght].ttf"
CHINA_OFFSET = timedelta(hours=8)

COMPOUND_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯")

# Everything that varies comes in by sys.inputs: no text of anybody ever becomes part of the program.
SOURCE = """
#let it = json(bytes(sys.inputs.data))
#set document(title: it.title, author: it.office)
#set page(paper: "a4", margin: (x: 2.6cm, y: 3cm), footer: align(center, text(9pt, fill: gray)[#it.sample]))
#set text(font: "Noto Sans SC", size: 12pt, lang: "zh", region: "cn")
#align(center)[#text(22pt, weight: "bold", it.title) #v(0.2cm) #text(11pt, fill: gray, it.title_en)]
#v(1cm)
#table(columns: (4.2cm, 1fr), inset: 10pt, stroke: 0.5pt + gray,
  ..it.rows.map(row => (text(fill: gray.darken(30%), row.at(0)), row.at(1))).flatten())
#v(0.8cm)
#par(first-line-indent: (amount: 2em, all: true), leading: 1em, it.sentence)
#v(1.2cm)
#align(right)[#it.office \\ #it.date]
#v(1cm)
#align(center, rect(stroke: 1pt + red, inset: 8pt, text(fill: red, weight: "bold", it.sample)))
"""


def make_result(office: str, office_reference: str, data: dict[str, Any]) -> bytes:
    """PDF/A-2b for an approved case. `data` is the data of the event that brought it."""
    content = json.dumps(describe(office, office_reference, data), ensure_ascii=False)
    made: bytes = typst.compile(
        SOURCE.encode(), font_paths=fonts(), format="pdf", pdf_standards="a-2b", sys_inputs={"data": content}
    )
    return made


@cache
def fonts() -> typst.Fonts:
    """Only Noto Sans SC, found where pip put it; reading its 18 MB once is enough."""
    for file in importlib.metadata.files(FONT_PACKAGE) or []:
        if file.name == FONT_FILE:
            folder = Path(str(file.locate())).parent
            return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
    raise FileNotFoundError(f"{FONT_FILE} is not in the installed {FONT_PACKAGE}")


def describe(office: str, office_reference: str, data: dict[str, Any]) -> dict[str, Any]:
    today = datetime.now(UTC) + CHINA_OFFSET
    return {
        "title": "办理结果通知书",
        "title_en": "Notice of result",
        "rows": [
            ["事项名称", service_name(data["service"])],
            ["办件编号", str(data["reference"])],
            ["审批编号", office_reference],
            ["申请人", mask_name(str(data["applicant"].get("name", "")))],
            ["办理结果", "准予"],
        ],
        "sentence": "经审查，申请符合规定条件，准予办理。",
        "office": office_names.name(office),
        "date": f"{today.year}年{today.month}月{today.day}日",
        "sample": "沙箱样例，不具有法律效力 · Sandbox sample, not valid",
    }


def service_name(service: dict[str, Any]) -> str:
    """The Chinese name, whether names come as a text or by language."""
    name = service.get("name", "")
    return str(name.get("zh", "")) if isinstance(name, dict) else str(name)


def mask_name(name: str) -> str:
    """The surname and a star for each further character: 李建国 → 李**, 欧阳雪 → 欧阳*, one character → *."""
    kept = 2 if name.startswith(COMPOUND_SURNAMES) and len(name) > 2 else 1
    return name[:kept] + "*" * (len(name) - kept) if len(name) > 1 else "*" * len(name)
