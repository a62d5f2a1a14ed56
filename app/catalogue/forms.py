"""Forms: the answers of a resident against the form of a service.

docs/forms.md tells clients the same rules that are evaluated here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions

from app import clock
from app.catalogue.carrying import Carried, carry_over
from app.catalogue.client_forms import for_client
from app.catalogue.conditions import Condition, condition
from app.catalogue.expressions import NotUnderstood
from app.catalogue.faults import Faults, place_of, pointer
from app.catalogue.formats import FORMATS, WRITTEN_PLAINLY, written_plainly
from app.catalogue.labels import Labels
from app.catalogue.persons import Person
from app.catalogue.questions import Place, Question, lay_out
from app.catalogue.rules import understand_rule
from app.catalogue.schemas import check_end
from app.catalogue.settled import Settled, beyond_bounds, copied, settle, within_bounds
from app.catalogue.wording import UNREADABLE

MOST_COST = 20_000
"""Steps that all conditions, expressions and rules of one form may take together: a few milliseconds."""
MOST_FAULTS = 200
"""Nobody reads more, and a hostile form could make one from each value."""

_READING = RegexOptions()
"""A regular expression engine that never goes back, so that no pattern takes more than linear time."""


@dataclass(frozen=True)
class Field:
    """One field as others need to know it. `path` is `children/name` inside a group, `situations/code` for a situation.

    `purpose` is why it is asked (PIPL art. 17), `sensitive` says whether it is sensitive in the sense of PIPL art. 28.
    `prefill` is its source in the login, `editable` whether the resident may change that.
    """

    path: str
    label: Mapping[str, str]
    purpose: Mapping[str, str]
    sensitive: bool
    widget: str | None
    format: str | None
    required: bool
    conditional: bool
    computed: bool
    prefill: str | None
    editable: bool


class Form:
    """The form of one service version. Building one compiles its schema, so keep it with the version.

    `schema` is JSON Schema 2020-12; `layout` lists the fields with their words, `rules` what answers must fulfil
    together, `situations` the questions that come first, all as in the definition files. `prefills` says whether
    anything is taken over from the login.
    Raises ValueError for a schema that is none, does not end, or names what the form does not have.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        layout: Sequence[Mapping[str, Any]] = (),
        rules: Sequence[Mapping[str, Any]] = (),
        situations: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        check_end(schema)
        self.questions = lay_out(schema, layout, situations)
        self.validator = Draft202012Validator(
            self.questions.schema, validate_formats=True, formats=FORMATS, pattern_options=_READING, offline=True
        )
        self._entries = {entry["field"]: entry for entry in layout}
        self._rules = [understand_rule(rule, self.questions.names) for rule in rules]
        self._labels = Labels(self.questions)
        self.prefills = any("prefill" in question.entry for question in self.questions.every)
        self._needed = [question for question in self.questions.every if question.needed]
        self._told = {"layout": layout, "rules": rules, "situations": situations}
        self._for_client: dict[str, dict[str, Any]] = {}
        self._conditions: dict[str, Condition] = {}
        cost = sum(question.cost for question in self.questions.every) + sum(rule.cost for rule in self._rules)
        if cost > MOST_COST:
            raise NotUnderstood("the form has too many conditions and computed values")

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Form:
        """The form of a whole service definition. Raises ValueError as above."""
        form = definition["form"]
        return cls(form["schema"], form["layout"], form.get("rules", ()), definition.get("situations", ()))

    def clean(self, answers: Mapping[str, Any], person: Person, today: date | None = None) -> dict[str, Any]:
        """The answers as they are filed, hashed and signed. Clean before `check`.

        Hidden answers are dropped, computed values set, what the login knows put over what was typed where it may
        not be changed, and numbers kept in one way of writing. Answers beyond all bounds come back as they are:
        `check` refuses them. `today` (default: the day in China) is what ages are reckoned by.
        """
        if not within_bounds(answers):
            return dict(answers)
        day = today or clock.today()
        kept = copied(self.questions, answers)
        for question in self.questions.every:
            if question.schema.get("format") in WRITTEN_PLAINLY:
                _write_plainly(question, kept)
            if (known := _prefill(question, person, day)) is not None and not _editable(question):
                kept[question.name] = known
        return settle(self.questions, kept, day).answers

    def check(self, answers: Mapping[str, Any], language: str, today: date | None = None) -> dict[str, list[str]]:
        """JSON Pointer (RFC 6901) → what is wrong there, in `zh` or `en`; empty when all is well.

        Exactly the given answers are judged, so `clean` them first.
        """
        faults = Faults(self._labels, language)
        if beyond := beyond_bounds(answers):
            faults.tell((), beyond[language])
            return faults
        try:
            for error in islice(self.validator.iter_errors(dict(answers)), MOST_FAULTS):
                faults.found(error)
        except ValueError:
            # Half a character (a lone surrogate): no phone of ours writes that.
            return {"": [UNREADABLE[language]]}
        settled = self._settled(answers, today)
        for place in self._unanswered(settled):
            faults.missing(place)
        for rule in self._rules:
            for place in rule.broken(settled):
                faults.tell(place, rule.words[language])
        return faults

    def missing(self, answers: Mapping[str, Any], today: date | None = None) -> list[str]:
        """JSON Pointers of the fields that are required, by these answers too, and absent."""
        if not within_bounds(answers):
            return []
        try:
            errors = list(islice(self.validator.iter_errors(dict(answers)), MOST_FAULTS))
        except ValueError:
            return []
        absent = [place_of(error) for error in errors if error.kind.name == "required"]
        return list(
            dict.fromkeys(pointer(place) for place in [*absent, *self._unanswered(self._settled(answers, today))])
        )

    def visible(self, answers: Mapping[str, Any], today: date | None = None) -> set[str]:
        """JSON Pointers of everything that is shown with these answers, filled in or not."""
        settled = self._settled(answers, today) if within_bounds(answers) else self._settled({}, today)
        asked = (place for question in self.questions.every for place, _ in question.places(settled.answers))
        return {pointer(place) for place in asked if settled.shows(place)}

    def holds(self, wanted: Mapping[str, Any], answers: Mapping[str, Any], today: date | None = None) -> bool:
        """Whether a condition is true of these answers, such as a material's `needed_when`. Raises ValueError."""
        key = json.dumps(wanted, sort_keys=True)
        if key not in self._conditions:
            self._conditions[key] = condition(wanted, self.questions.names.at(None))
        settled = self._settled(answers if within_bounds(answers) else {}, today)
        return self._conditions[key](settled.scope(settled.answers)) is True

    def prefilled(self, person: Person, today: date | None = None) -> dict[str, Any]:
        """The answers that a new draft starts with: whatever the login knows of what the form asks."""
        day = today or clock.today()
        known = {question.name: _prefill(question, person, day) for question in self.questions.every}
        return self.clean({name: value for name, value in known.items() if value is not None}, person, day)

    def carry_over(self, old_answers: Mapping[str, Any], old_form: Form, today: date | None = None) -> Carried:
        """From an older version's answers those that still fit, and the pointers of those that do not."""
        fit = old_form._settled(old_answers if within_bounds(old_answers) else {}, today)
        return carry_over(fit.answers, old_form.questions, self.questions, self.validator)

    def fields(self) -> list[Field]:
        """Every situation and field, in the order of the layout, groups before their fields."""
        return [_field(question) for question in self.questions.every]

    def for_client(self, language: str) -> dict[str, Any]:
        """Schema, layout, situations and rules in one language, as data. Kept between calls: do not change it."""
        if language not in self._for_client:
            self._for_client[language] = for_client(self.questions, self._told, language)
        return self._for_client[language]

    def label(self, field: str, language: str) -> str:
        """What the resident sees as the field's name; its code when the layout does not know it."""
        return self._labels.of((field,), language)

    def field(self, name: str) -> Mapping[str, Any]:
        """A field's entry in the layout: label, widget, options, `sensitive`; empty when the layout has none."""
        return self._entries.get(name, {})

    def _settled(self, answers: Mapping[str, Any], today: date | None) -> Settled:
        return settle(self.questions, answers, today or clock.today())

    def _unanswered(self, settled: Settled) -> list[Place]:
        return [
            place
            for question in self._needed
            for place, holder in question.places(settled.answers)
            if question.name not in holder and settled.shows(place)
        ]


def _write_plainly(question: Question, answers: dict[str, Any]) -> None:
    for _, holder in question.places(answers):
        if isinstance(text := holder.get(question.name), str):
            holder[question.name] = written_plainly(text)


def _prefill(question: Question, person: Person, today: date) -> str | int | None:
    source = question.entry.get("prefill", {}).get("from")
    return person.known(source, today) if source is not None and question.group is None else None


def _editable(question: Question) -> bool:
    return question.entry["prefill"].get("editable", False) is True


def _field(question: Question) -> Field:
    entry, prefill = question.entry, question.entry.get("prefill", {})
    unsaid = {"zh": question.name, "en": question.name}
    return Field(
        path="/".join(question.path),
        label=entry.get("label") or entry.get("question") or unsaid,
        purpose=entry.get("purpose") or {},
        sensitive=entry.get("sensitive", False) is True,
        widget=entry.get("widget"),
        format=question.schema.get("format"),
        required=question.required,
        conditional=question.shown_when is not None,
        computed=question.computed is not None,
        prefill=prefill.get("from"),
        editable="prefill" in entry and _editable(question),
    )
