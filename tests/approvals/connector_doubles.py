"""Connectors that behave badly, beside the real ones: what the hand-over must live with."""

from __future__ import annotations

from approvals.connectors.interface import Case, Handed, OfficeAway


def refusing(case: Case) -> Handed:
    """An office that never takes anything."""
    raise OfficeAway("refused")


def crashing(case: Case) -> Handed:
    """A connector with a fault of its own."""
    raise ZeroDivisionError("a fault in the connector, quoting 532399198806150316")


class Remembering:
    """An office that gives one number a key, as all must; it tells how many cases it has."""

    def __init__(self) -> None:
        self.cases: dict[str, str] = {}

    def __call__(self, case: Case) -> Handed:
        return Handed(self.cases.setdefault(str(case.key), f"R-{len(self.cases) + 1}"))
