"""Texts as cells of a CSV file that a spreadsheet will show and not evaluate."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\n", "\x00", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with, in spreadsheets' eyes: also blanks before it, and the full-width signs.

Source: OWASP, CSV Injection.
"""


def harmless(value: object) -> object:
    """Return a text that begins like a formula with an apostrophe before it; anything else as it is.

    Numbers are no texts: a negative one stays a number. A carriage return becomes a line feed, because writers of CSV
    put no quotes around it and a spreadsheet begins a new row there.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
