"""Terms and range filters as SQL over one value, with Elasticsearch's coercions for each kind of field."""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, and_, false, literal, or_, true

from argilla_sql_search.dates import parse_date, utc_now
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.mapping import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement

Bound = float | str | None

_JAVA_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?")
_INTEGER_64 = 2**63
_BEYOND = 10**300
"""Larger than any integer that is stored, and still a double."""


def terms(kind: Kind, values: Sequence[str]) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    """Return the condition that a value of `kind` is one of `values`.

    Raises `SearchRejectedError` when a number or a date was needed and `values` holds something else.
    """
    values = [str(value) for value in values]
    if kind is Kind.KEYWORD:
        return lambda column: column.in_(values)
    if kind is Kind.INTEGER:
        numbers = [parse_number(value) for value in values]
        integers = [
            _bound(int(number)) for number in numbers if number == int(number) and abs(number) < _INTEGER_64
        ]
        return lambda column: column.in_(integers) if integers else false()
    if kind is Kind.FLOAT:
        conditions = [
            _between(_lower_edge(number), _upper_edge(number)) for number in map(parse_number, values)
        ]
        return lambda column: or_(false(), *(condition(column) for condition in conditions))
    if kind is Kind.DATE:
        moments = [parse_date(value, utc_now(), up=False) for value in values]
        return lambda column: column.in_(moments)
    return lambda _column: false()


def between(kind: Kind, ge: Bound, le: Bound) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    """Return the condition that a value of `kind` lies between `ge` and `le`, both included; None is open.

    Raises `SearchRejectedError` when a number or a date was needed and a bound is something else.
    """
    lower: tuple[Any, bool] | None
    upper: tuple[Any, bool] | None
    if kind is Kind.UNMAPPED:
        return lambda _column: false()
    if kind is Kind.KEYWORD:
        lower, upper = (None if bound is None else (str(bound), True) for bound in (ge, le))
    elif kind is Kind.DATE:
        now = utc_now()
        lower = None if ge is None else (parse_date(ge, now, up=False), True)
        upper = None if le is None else (parse_date(le, now, up=True), True)
    elif kind is Kind.INTEGER:
        lower, upper = (None if bound is None else (_bound(parse_number(bound)), True) for bound in (ge, le))
    else:
        lower = None if ge is None else _lower_edge(parse_number(ge))
        upper = None if le is None else _upper_edge(parse_number(le))
    return _between(lower, upper)


def parse_number(value: float | str) -> float | int:
    """Return `value` as Java's parseDouble reads it, an int where it is written as one."""
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


def _bound(number: float) -> ColumnElement[Any] | float:
    """Return a number that both databases take as a parameter: PostgreSQL's driver thinks 32 bits of an int."""
    if isinstance(number, int) and abs(number) < _INTEGER_64:
        return literal(number, BigInteger)
    return float(max(-_BEYOND, min(number, _BEYOND)))


def to_float32(number: float) -> float:
    """Return the 32-bit float nearest to `number`, as an Elasticsearch `float` field keeps it."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError as error:
        message = f"[float] supports only finite values, but got [{number}]"
        raise SearchRejectedError(message) from error


def _between(
    lower: tuple[Any, bool] | None, upper: tuple[Any, bool] | None
) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    def condition(column: ColumnElement[Any]) -> ColumnElement[bool]:
        conditions = []
        if lower is not None:
            conditions.append(column >= lower[0] if lower[1] else column > lower[0])
        if upper is not None:
            conditions.append(column <= upper[0] if upper[1] else column < upper[0])
        return and_(true(), *conditions, column.is_not(None))

    return condition


def _lower_edge(number: float) -> tuple[float, bool]:
    """Return the least double that rounds to the 32-bit float of `number`, and whether it is included.

    Elasticsearch rounds the stored value and the bound to 32 bits and compares those; the database keeps the
    double. Rounding is monotonic, so comparing doubles with the edge of the rounding interval is the same.
    """
    return _edge(number, -1)


def _upper_edge(number: float) -> tuple[float, bool]:
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
