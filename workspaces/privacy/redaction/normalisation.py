"""Replaces digits, blanks and punctuation of other scripts by the ASCII characters that the patterns use."""

from __future__ import annotations

import re
import unicodedata

_PLANES = 0x20000  # there are no digits beyond these two planes
_BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"


def _table() -> dict[int, str]:
    digits = {
        point: str(unicodedata.decimal(chr(point)))
        for point in range(128, _PLANES)
        if unicodedata.category(chr(point)) == "Nd"
    }
    full_width = {point: chr(point - 0xFEE0) for point in range(0xFF01, 0xFF5F)}
    blanks = {ord(blank): " " for blank in _BLANKS}
    hyphens = {ord(hyphen): "-" for hyphen in _HYPHENS}
    return digits | full_width | blanks | hyphens


_TABLE = _table()
_ANY = re.compile(
    r"[\u00a0\u1680\u2000-\u200a\u2010-\u2013\u202f\u205f\u2212\u3000\ufe63\uff01-\uff5e]|[^\D0-9]"
)


def as_ascii(text: str) -> str:
    """Return ``text`` with each lookalike of an ASCII character replaced by it; offsets stay the same."""
    return text if text.isascii() else _ANY.sub(_ascii, text)


def _ascii(lookalike: re.Match[str]) -> str:
    return _TABLE[ord(lookalike[0])]
