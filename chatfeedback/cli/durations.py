"""A length of time as an option takes it: ``90m``, ``36h``, ``7d``, ``2w``."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORM = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*([mhdw])")


def duration(text: str) -> timedelta:
    """Return the length of time that a text such as ``36h`` says.

    Raises:
        BadParameter: it says none.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 90m, 36h, 7d or 2w")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})
