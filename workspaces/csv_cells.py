"""Texts as cells of a CSV file that a spreadsheet will show and not evaluate."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with, in spreadsheets' eyes: also blanks before it, and the full-width signs.

Source: OWASP, CSV Injection.
"""


def harmless(value: object) -> object:
    """Return a text that begins like a formula with an apostrophe before it; anything else as it is.

    Numbers are no texts: a negative one stays a number.
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value
