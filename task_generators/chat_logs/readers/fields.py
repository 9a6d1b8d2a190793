"""Reads single fields of a row, of any type, into plain values that every database can store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.times import moment

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

    from task_generators.chat_logs.readers.reading import RowValue


def clean(text: str) -> str:
    """Replace the characters that UTF-8 or PostgreSQL cannot store: lone surrogates and NUL."""
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")


def text(value: object) -> str | None:
    """Return a string or whole number as stripped text; None for an empty text and any other type."""
    if isinstance(value, bool):
        return None
    return (clean(str(value)).strip() or None) if isinstance(value, str | int) else None


NO_NAME = frozenset(
    [
        *("nan", "-nan", "NaN", "-NaN", "NaT", "null", "Null", "NULL", "none", "None", "NONE"),
        *("nil", "undefined"),
        *("<NA>", "NA", "N/A", "n/a", "#NA", "#N/A"),
    ]
)
"""What programs write where a name is missing; read as a name, it would make one person of all who have none.

In the letters of programs, as ``Na`` is somebody's name. Source: ``na_values`` of ``pandas.read_csv``; ``undefined`` is
JavaScript's, ``nil`` Ruby's and Lua's.
"""


def person(value: object) -> str | None:
    """Return the log's name of a person; None for an empty one, for ``NO_NAME``, and for any other type.

    A whole number is the same with a decimal point, which tables give a column of numbers where one is missing.
    """
    name = number(value) if isinstance(value, float) and value.is_integer() else text(value)
    return None if name in NO_NAME else name


def mapping(value: object) -> dict[str, JsonValue]:
    """Return a dictionary with nulls and booleans for ``""`` and ``"True"``; an empty one for any other type.

    The dictionary may be JSON text, as in Parquet files.
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
    """Return plain JSON: ``""`` becomes null, ``"True"`` true, and a number that is not finite null."""
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
    """Return the time of a value in any common writing, in UTC; None for anything else. See ``times.moment``."""
    return moment(value)


def number(value: object) -> str | None:
    """Return a finite number as text, a whole one without a decimal point; None for anything else."""
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
    """Return the licence that a row names, or else ``known``, that of its source."""
    return text(row.get("licence")) or text(row.get("license")) or known


_UNKNOWN_LANGUAGES = {"unknown", "und", "xx"}


def language(value: object) -> str | None:
    """Return a language as the log names it (``English``, ``en``); None for a name that means unknown."""
    name = text(value)
    return None if name is None or name.lower() in _UNKNOWN_LANGUAGES else name
