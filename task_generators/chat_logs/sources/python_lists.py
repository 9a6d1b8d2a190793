"""Lists of messages that a table holds as text, as ``str`` and numpy write them: pandas' ``to_csv`` keeps them so."""

from __future__ import annotations

import ast
import json
import re

_ITEM = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[}\]])(\s+(?=['"{\[]))?""", re.DOTALL)
"""The end of an item, and what numpy writes before the next one: white space alone. Strings are matched whole."""


def listed(text: str) -> list[object] | None:
    """Return the list that a text holds, as JSON or as Python or numpy print it; None for any other text."""
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(_ITEM.sub(_with_comma, stripped))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    return value if isinstance(value, list) else None


def objects_listed(text: str) -> list[object] | None:
    """Return the list of objects that a text holds; None for any other text, which stays text."""
    found = listed(text) if "{" in text[:20] else None
    return found if found and all(isinstance(item, dict) for item in found) else None


def _with_comma(match: re.Match[str]) -> str:
    return f"{match[1]}, " if match[2] else match[1]
