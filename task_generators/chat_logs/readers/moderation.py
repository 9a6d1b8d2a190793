"""Moderation labels that a log carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.fields import clean, mapping
from task_generators.chat_logs.readers.uses import FLAG

if TYPE_CHECKING:
    from pydantic import JsonValue


_BOOLEANS = frozenset({bool, type(None)})


def _are_booleans(value: object) -> bool:
    return isinstance(value, dict) and _BOOLEANS.issuperset(map(type, value.values()))


_CATEGORIES = Use("metadata: the categories that hold", _are_booleans, whole=True, decides=True)
_SCORE = Use("metadata", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
OPENAI_READS = {"openai_moderation[].flagged": FLAG, "openai_moderation[].categories": _CATEGORIES}
DETOXIFY_READS = {"detoxify_moderation[].*": _SCORE}
OPENAI_IGNORES = {
    f"openai_moderation[].{name}": "of OpenAI's labels, the categories that hold are kept"
    for name in ("category_scores", "category_applied_input_types")
}


def moderation(openai: object, detoxify: object = None) -> dict[str, JsonValue]:
    """Return the labels of every turn as metadata; an empty dictionary if there are none.

    Of OpenAI's labels, ``flagged`` and the names of the categories that hold are kept; of Detoxify's, the scores.
    Names such as ``hate/threatening``, ``hate_threatening`` and ``self-harm`` are all written with underscores.
    """
    metadata: dict[str, JsonValue] = {}
    if isinstance(openai, list) and openai:
        metadata["openai_moderation"] = [_openai(labels) for labels in openai]
    if isinstance(detoxify, list) and detoxify:
        metadata["detoxify_moderation"] = [
            {
                _name(name): value
                for name, value in mapping(scores).items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            }
            for scores in detoxify
        ]
    return metadata


def _openai(labels: object) -> JsonValue:
    given = labels if isinstance(labels, dict) else {}
    categories = given.get("categories")
    held = categories if isinstance(categories, dict) else {}
    names: list[JsonValue] = [*sorted({_name(str(name)) for name, holds in held.items() if holds is True})]
    return {"flagged": given.get("flagged") is True, "categories": names}


def _name(category: str) -> str:
    return clean(category).replace("/", "_").replace("-", "_")
