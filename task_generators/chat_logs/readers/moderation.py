"""Moderation labels that a log carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import clean, mapping

if TYPE_CHECKING:
    from pydantic import JsonValue


def moderation(openai: object, detoxify: object = None) -> dict[str, JsonValue]:
    """Return the labels of every turn as metadata; without any, nothing.

    OpenAI's are kept as ``flagged`` and the names of the categories that hold, Detoxify's as its scores.
    Categories occur as ``hate/threatening``, ``hate_threatening`` and ``self-harm``: all get underscores.
    """
    found: dict[str, JsonValue] = {}
    if isinstance(openai, list) and openai:
        found["openai_moderation"] = [_openai(each) for each in openai]
    if isinstance(detoxify, list) and detoxify:
        found["detoxify_moderation"] = [
            {
                _name(name): value
                for name, value in mapping(each).items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            }
            for each in detoxify
        ]
    return found


def _openai(labels: object) -> JsonValue:
    given = labels if isinstance(labels, dict) else {}
    categories = given.get("categories")
    held = categories if isinstance(categories, dict) else {}
    names: list[JsonValue] = [*sorted({_name(str(name)) for name, holds in held.items() if holds is True})]
    return {"flagged": given.get("flagged") is True, "categories": names}


def _name(category: str) -> str:
    return clean(category).replace("/", "_").replace("-", "_")
