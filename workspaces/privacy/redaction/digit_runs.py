"""Where a text holds numbers: one cheap scan that spares most of it the expensive patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_ISLAND = re.compile(r"[0-9](?:[ \t.\-/()]{0,3}+[0-9])++")
_NOT_DIGIT = str.maketrans("", "", " \t.-/()")


class DigitRun(NamedTuple):
    """Digits with at most three separators between neighbours; ``size`` digits in ``start`` to ``end``."""

    start: int
    end: int
    size: int
    dots: int


def digit_runs(text: str) -> Iterator[DigitRun]:
    """Yield the numbers of ``text`` that have at least two digits, from left to right."""
    for match in _ISLAND.finditer(text):
        value = match.group()
        start, end = match.span()
        if value.isdigit():
            yield DigitRun(start, end, end - start, 0)
        else:
            yield DigitRun(start, end, len(value.translate(_NOT_DIGIT)), value.count("."))
