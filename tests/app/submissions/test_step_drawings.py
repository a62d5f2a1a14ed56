"""The drawing in the map is the step table's own."""

from __future__ import annotations

import re
from pathlib import Path

from app.submissions import step_drawings
from app.submissions.steps import STEPS

MAP = Path(__file__).parents[3] / "docs" / "map.md"


def test_the_map_shows_the_table_as_it_is() -> None:
    """After a change of the table: `onephone steps`, and its output into docs/map.md."""
    assert f"```mermaid\n{step_drawings.mermaid()}\n```" in MAP.read_text(encoding="utf-8")


def test_the_drawing_has_every_step_at_each_of_its_origins() -> None:
    drawn = set()
    for origin, target, names in re.findall(r"(\w+) --> (\w+): (.+)", step_drawings.mermaid()):
        drawn |= {(origin, target, name) for name in names.split(", ")}
    assert drawn == {(state, step.target or state, name) for name, step in STEPS.items() for state in step.origins}


def test_the_table_has_one_line_for_each_step() -> None:
    for language in ("zh", "en"):
        lines = step_drawings.table(language).splitlines()[2:]
        assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == list(STEPS)
        assert all(line.count("|") == 9 for line in lines)
