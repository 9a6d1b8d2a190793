"""Reads single fields of a row, whatever they hold, into plain values that every store can keep."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

    from task_generators.chat_logs.readers.reading import RowValue


def clean(text: str) -> str:
    """Replace what UTF-8 or PostgreSQL cannot hold: lone surrogates and NUL."""
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")


def text(value: object) -> str | None:
    """Return a string or whole number as text without white space around it; None for anything else or nothing."""
    if isinstance(value, bool):
        return None
    return (clean(str(value)).strip() or None) if isinstance(value, str | int) else None


def mapping(value: object) -> dict[str, JsonValue]:
    """Return a dictionary with nulls and booleans in place of ``""`` and ``"True"``; empty for anything else.

    A dictionary may be written as JSON text, as Parquet files have it.
    """
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    return {clean(str(name)): null_or_value(item) for name, item in value.items()}


def null_or_value(value: object) -> JsonValue:
    """Return plain JSON: ``""`` is null, ``"True"`` is true, a number that JSON does not know is null."""
    if isinstance(value, str):
        return {"": None, "true": True, "false": False}.get(value.lower(), clean(value))
    if isinstance(value, dict):
        return mapping(value)
    if isinstance(value, list):
        return [null_or_value(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return clean(str(value))


def timestamp(value: object) -> datetime | None:
    """Read ISO 8601 or seconds since 1970; None for what is missing or is no time."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value.strip():
            moment = datetime.fromisoformat(value.strip())
        else:
            return None
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def number(value: object) -> str | None:
    """Return a finite number as text, whole ones without a point; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if value != value or abs(value) == float("inf"):
            return None
        if value.is_integer():
            value = int(value)
    return str(value) if abs(value) < 10**15 else None


def licence(row: RowValue, known: str | None) -> str | None:
    """Return the licence that a row names, or the one its source is ``known`` for."""
    return text(row.get("licence")) or text(row.get("license")) or known


_LANGUAGES = {"unknown": None, "und": None, "xx": None}


def language(value: object) -> str | None:
    """Return a language as the log names it (``English``, ``en``); None for what means that nobody knows."""
    found = text(value)
    return _LANGUAGES.get(found.lower(), found) if found else None
