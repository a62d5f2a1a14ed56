"""The step table as a drawing, and as a table to read: both are made of `steps.py` and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from app.submissions.steps import STATES, STEPS

_SEPARATOR = ", "


def mermaid() -> str:
    """A Mermaid state diagram: one arrow between two states, with the names of the steps that go there.

    Steps that leave every state as it is stand at the states where they can be taken.
    """
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    lines += [f"    {origin} --> {target}: {names}" for origin, target, names in _arrows()]
    return "\n".join(lines)


def _arrows() -> Iterator[tuple[str, str, str]]:
    """From, to, and the steps between them, in the order of the states."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, step in STEPS.items():
        for origin in step.origins:
            found.setdefault((origin, step.target or origin), []).append(name)
    order = list(STATES)
    for origin, target in sorted(found, key=lambda ends: (order.index(ends[0]), order.index(ends[1]))):
        yield origin, target, _SEPARATOR.join(found[origin, target])


def table(language: str) -> str:
    """One line of Markdown for each step: from, to, who, what it needs, its notice, its clocks, what is told."""
    head = "| step | from | to | who | needs | notice | clocks | told |"
    lines = [head, "|---" * 8 + "|"]
    for name, step in STEPS.items():
        origins = [state for state in STATES if state in step.origins]
        clocks = [f"{clock} {move}" for clock, move in step.clocks]
        cells = (
            name,
            _SEPARATOR.join(origins),
            step.target or "–",
            _SEPARATOR.join(sorted(step.actors)),
            _SEPARATOR.join(sorted(step.needs)) or "–",
            step.notice or "–",
            _SEPARATOR.join(clocks) or "–",
            step.text[language] if step.visible else f"({step.text[language]})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
