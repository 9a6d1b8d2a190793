"""Terms and range filters as SQL over one value, with Elasticsearch's coercions for each type of field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, false, literal, or_, true

from argilla_sql_search.dates import parse_date, utc_now
from argilla_sql_search.mapping import MappedType
from argilla_sql_search.numerics import lower_edge, parse_number, upper_edge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement

    Condition = Callable[[ColumnElement[Any]], ColumnElement[bool]]
    """From the SQL expression of a value, of text, numbers or dates, to whether the value passes."""

Bound = float | str | None

_INTEGER_64 = 2**63
_BEYOND = 10**300
"""Larger than any integer that is stored, and still a double."""


def terms(mapped_type: MappedType, values: Sequence[str]) -> Condition:
    """Return the condition that a value of `mapped_type` is one of `values`.

    Raises `SearchRejectedError` when a number or a date was needed and `values` holds something else.
    """
    values = [str(value) for value in values]
    if mapped_type is MappedType.KEYWORD:
        return lambda column: column.in_(values)
    if mapped_type is MappedType.INTEGER:
        numbers = [parse_number(value) for value in values]
        integers = [
            _bound(int(number)) for number in numbers if number == int(number) and abs(number) < _INTEGER_64
        ]
        return lambda column: column.in_(integers) if integers else false()
    if mapped_type is MappedType.FLOAT:
        conditions = [
            _between(lower_edge(number), upper_edge(number)) for number in map(parse_number, values)
        ]
        return lambda column: or_(false(), *(condition(column) for condition in conditions))
    if mapped_type is MappedType.DATE:
        moments = [parse_date(value, utc_now(), up=False) for value in values]
        return lambda column: column.in_(moments)
    return lambda _column: false()


def between(mapped_type: MappedType, ge: Bound, le: Bound) -> Condition:
    """Return the condition that a value of `mapped_type` lies between `ge` and `le`, both included; None is open.

    Raises `SearchRejectedError` when a number or a date was needed and a bound is something else.
    """
    lower: tuple[Any, bool] | None
    upper: tuple[Any, bool] | None
    if mapped_type is MappedType.UNMAPPED:
        return lambda _column: false()
    if mapped_type is MappedType.KEYWORD:
        lower, upper = (None if bound is None else (str(bound), True) for bound in (ge, le))
    elif mapped_type is MappedType.DATE:
        now = utc_now()
        lower = None if ge is None else (parse_date(ge, now, up=False), True)
        upper = None if le is None else (parse_date(le, now, up=True), True)
    elif mapped_type is MappedType.INTEGER:
        lower, upper = (None if bound is None else (_bound(parse_number(bound)), True) for bound in (ge, le))
    else:
        lower = None if ge is None else lower_edge(parse_number(ge))
        upper = None if le is None else upper_edge(parse_number(le))
    return _between(lower, upper)


def _bound(number: float) -> ColumnElement[Any] | float:
    """Return a number that both databases take as a parameter: PostgreSQL's driver thinks 32 bits of an int."""
    if isinstance(number, int) and abs(number) < _INTEGER_64:
        return literal(number, BigInteger)
    return float(max(-_BEYOND, min(number, _BEYOND)))


def _between(lower: tuple[Any, bool] | None, upper: tuple[Any, bool] | None) -> Condition:
    def condition(column: ColumnElement[Any]) -> ColumnElement[bool]:
        conditions = []
        if lower is not None:
            conditions.append(column >= lower[0] if lower[1] else column > lower[0])
        if upper is not None:
            conditions.append(column <= upper[0] if upper[1] else column < upper[0])
        return and_(true(), *conditions, column.is_not(None))

    return condition
