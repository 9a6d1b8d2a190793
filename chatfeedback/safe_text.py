"""Escapes text for printing, because a terminal would interpret control characters in what strangers wrote."""

from __future__ import annotations

import json
import unicodedata

_KEPT = "\n\t"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # join letters of some scripts, and emoji


def safe(text: str) -> str:
    """Return a text in which control, formatting and unassigned characters are escaped, such as ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def safe_json(text: str) -> str:
    """Return JSON in which those characters are written as JSON's own escapes, so that it says the same."""
    if text.isprintable():
        return text
    return "".join(
        character if _shown(character) == character else json.dumps(character)[1:-1] for character in text
    )


def _shown(character: str) -> str:
    if character in _KEPT or character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
