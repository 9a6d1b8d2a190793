"""The numbers that Elasticsearch accepts in a filter, and the 32 bits with which it compares floats."""

from __future__ import annotations

import math
import re
import struct

from argilla_sql_search.errors import SearchRejectedError

_JAVA_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?")


def parse_number(value: float | str) -> float | int:
    """Return `value` as Java's parseDouble reads it, an int where it is written as one.

    Raises `SearchRejectedError` for a text that is no number, for infinity and for NaN.
    """
    if isinstance(value, str):
        text = value.strip()
        if not _JAVA_NUMBER.fullmatch(text):
            message = f'For input string: "{value}"'
            raise SearchRejectedError(message)
        if re.fullmatch(r"[+-]?\d+", text):
            return int(text)
        value = float(text.rstrip("dDfF"))
    if not math.isfinite(value):
        message = f"[float] supports only finite values, but got [{value}]"
        raise SearchRejectedError(message)
    return value


def to_float32(number: float) -> float:
    """Return the 32-bit float nearest to `number`, as an Elasticsearch `float` field keeps it.

    Raises `SearchRejectedError` when `number` is beyond the range of 32-bit floats.
    """
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError as error:
        message = f"[float] supports only finite values, but got [{number}]"
        raise SearchRejectedError(message) from error


def lower_edge(number: float) -> tuple[float, bool]:
    """Return the least double that rounds to the 32-bit float of `number`, and whether it is included.

    Elasticsearch rounds the stored value and the bound to 32 bits and compares those; the database keeps the
    double. Rounding is monotonic, so comparing doubles with the edge of the rounding interval is the same.
    """
    return _edge(number, -1)


def upper_edge(number: float) -> tuple[float, bool]:
    """Return the greatest double that rounds to the 32-bit float of `number`, and whether it is included."""
    return _edge(number, +1)


def _edge(number: float, direction: int) -> tuple[float, bool]:
    rounded = to_float32(number)
    bits = struct.unpack("<i", struct.pack("<f", rounded))[0]
    if rounded == 0:
        neighbour = direction * struct.unpack("<f", struct.pack("<i", 1))[0]
    else:
        step = direction if rounded > 0 else -direction
        neighbour = struct.unpack("<f", struct.pack("<i", bits + step))[0]
    # A double halfway between two floats rounds to the one whose last bit is zero.
    return (rounded + neighbour) / 2, bits % 2 == 0
