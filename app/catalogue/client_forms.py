"""Client forms: what a phone is told of a form, in the language of its owner, as data it can evaluate itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalogue.expressions import Path
from app.catalogue.questions import Questions

_WORDS = frozenset({"zh", "en"})


def for_client(questions: Questions, told: Mapping[str, Any], language: str) -> dict[str, Any]:
    """`{"schema", "layout", "situations", "rules"}`, as docs/forms.md describes them.

    `required` of a field in the layout says that it must be answered while it is shown; `schema.required` names those
    that are always shown, so that any validator of JSON Schema can judge the answers once hidden ones are dropped.
    """
    required = {question.path for question in questions.every if question.required}
    return {
        "schema": questions.schema,
        "layout": [_entry(entry, (), required, language) for entry in told["layout"]],
        "situations": [in_language(situation, language) for situation in told["situations"]],
        "rules": [in_language(rule, language) for rule in told["rules"]],
    }


def _entry(entry: Mapping[str, Any], prefix: Path, required: set[Path], language: str) -> dict[str, Any]:
    path = (*prefix, entry["field"])
    said: dict[str, Any] = {key: in_language(value, language) for key, value in entry.items() if key != "fields"}
    if "fields" in entry:
        said["fields"] = [_entry(inner, path, required, language) for inner in entry["fields"]]
    return {**said, "required": path in required}


def in_language(value: Any, language: str) -> Any:
    """The same data with `{zh: …, en: …}` replaced by the words of one language."""
    if isinstance(value, Mapping):
        if value.keys() == _WORDS:
            return value[language]
        return {key: in_language(inner, language) for key, inner in value.items()}
    return [in_language(inner, language) for inner in value] if isinstance(value, list) else value
