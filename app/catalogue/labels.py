"""Labels: what a resident sees as the name of a field, wherever it stands in the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalogue.expressions import SITUATIONS
from app.catalogue.questions import Place, Questions
from app.catalogue.wording import IN_AN_ITEM, PLEASE_CHOOSE, PLEASE_FILL_IN, THE_FORM, THE_SITUATION

_CHOICE_WIDGETS = frozenset({"radio", "select", "switch", "date", "region", "checkboxes"})


class Labels:
    """The words of a form's layout, found by the place of an answer."""

    def __init__(self, questions: Questions) -> None:
        self._entries = {question.path: question.entry for question in questions.every}
        self._groups = questions.groups

    def of(self, place: Place, language: str) -> str:
        """`第2个孩子的姓名`; the field's code when the layout does not know it."""
        if not place:
            return THE_FORM[language]
        if place == (SITUATIONS,):
            return THE_SITUATION[language]
        if len(place) == 1 or place[0] not in self._groups:
            return self._own(place, language)
        item = self._item(place, language)
        return item if len(place) == 2 else IN_AN_ITEM[language].format(item=item, label=self._own(place, language))

    def question(self, place: Place) -> dict[str, str]:
        """How one is asked for what is missing there: to choose it or to fill it in."""
        entry = self._entry(place)
        return PLEASE_CHOOSE if entry.get("widget") in _CHOICE_WIDGETS else PLEASE_FILL_IN

    def _own(self, place: Place, language: str) -> str:
        names = [step for step in place if isinstance(step, str)]
        entry = self._entry(place)
        words = entry.get("label") or entry.get("question")
        label: str = words[language] if words else names[-1]
        return label

    def _entry(self, place: Place) -> Mapping[str, Any]:
        path = tuple(step for step in place if isinstance(step, str))
        return self._entries.get(path) or self._entries.get(path[-1:], {})

    def _item(self, place: Place, language: str) -> str:
        words = self._entries.get((str(place[0]),), {}).get("item_label", {"zh": "第{n}项", "en": "Item {n}"})
        number = str(place[1] + 1) if isinstance(place[1], int) else ""
        label: str = words[language].replace("{n}", number)
        return label
