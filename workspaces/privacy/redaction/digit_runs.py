"""Finds the digit runs of a text in one cheap scan, so that expensive patterns run only there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGIT_RUN = re.compile(r"[0-9](?:[ \t.\-/()]{0,3}+[0-9])++")
HINTS = r"[0-9](?:[ \t.\-/()]{0,3}[0-9]){5}"
"""A pattern for RE2, Arrow's engine. A text that it does not match has no digit run of six digits or more."""

_NOT_DIGIT = str.maketrans("", "", " \t.-/()")


class DigitRun(NamedTuple):
    """Digits with at most three separators between two of them.

    The run spans the characters ``start`` to ``end`` and has ``size`` digits and ``dots`` dots.
    """

    start: int
    end: int
    size: int
    dots: int


def digit_runs(text: str) -> Iterator[DigitRun]:
    """Yield the digit runs of ``text`` that have at least two digits, from left to right."""
    for match in _DIGIT_RUN.finditer(text):
        value = match.group()
        start, end = match.span()
        if value.isdigit():
            yield DigitRun(start, end, end - start, 0)
        else:
            yield DigitRun(start, end, len(value.translate(_NOT_DIGIT)), value.count("."))
