"""The texts in what a message holds beside its content, taken out to be redacted and put back.

The arguments of a call are JSON, and stay JSON: the texts inside are redacted one by one, each after its key, because
a key such as ``password`` is what tells that the value is one. Keys are redacted, too, and so are numbers, which become
texts where a placeholder takes their place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    Structure = dict[str, Any]

_AFTER_KEY = ": "


def structure_texts(held: Structure) -> Iterator[str]:
    """Yield the texts of a message's structure, in the order in which ``refilled_structure`` replaces them."""
    for name in ("reasoning", "tool_call_id", "tool_name"):
        if held.get(name):
            yield held[name]
    for call in held.get("tool_calls") or ():
        yield call["name"]
        yield call["id"] or ""
        arguments = _parsed(call["arguments"])
        if arguments is None:
            yield call["arguments"]
        else:
            yield from _leaves("", arguments)
    for attachment in held.get("attachments") or ():
        yield attachment["name"] or ""
        yield attachment["media_type"] or ""


def refilled_structure(held: Structure, texts: Iterator[str]) -> Structure:
    """Return a message's structure with its texts replaced by the next ones of ``texts``."""
    filled = dict(held)
    for name in ("reasoning", "tool_call_id", "tool_name"):
        if held.get(name):
            filled[name] = next(texts)
    if held.get("tool_calls"):
        filled["tool_calls"] = [_refilled_call(call, texts) for call in held["tool_calls"]]
    if held.get("attachments"):
        filled["attachments"] = [
            {**attachment, "name": next(texts) or None, "media_type": next(texts) or None}
            for attachment in held["attachments"]
        ]
    return filled


def _refilled_call(call: Structure, texts: Iterator[str]) -> Structure:
    name, call_id = next(texts), next(texts) or None
    arguments = _parsed(call["arguments"])
    if arguments is None:
        written = next(texts)
    else:
        refilled = _refilled("", arguments, texts)
        written = call["arguments"] if refilled == arguments else json.dumps(refilled, ensure_ascii=False)
    return {"name": name, "arguments": written, "id": call_id}


def _parsed(arguments: str) -> JsonValue:
    """Return the arguments as a value; None if they are no JSON, or name a key twice, of which one would be lost."""
    try:
        value: JsonValue = json.loads(arguments, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        return None
    return value


def _without_doubles(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _leaves(key: str, value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _leaves(name, item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(key, item)
    elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield f"{key}{_AFTER_KEY}{value}" if key else str(value)


def _refilled(key: str, value: JsonValue, texts: Iterator[str]) -> JsonValue:
    if isinstance(value, dict):
        return {next(texts): _refilled(name, item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_refilled(key, item, texts) for item in value]
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        prefix = f"{key}{_AFTER_KEY}" if key else ""
        redacted = next(texts)
        if redacted == f"{prefix}{value}":
            return value
        if redacted.startswith(prefix):
            return redacted.removeprefix(prefix)
        return redacted.partition(_AFTER_KEY)[2] or redacted
    return value
