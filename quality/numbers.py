"""Numbers on a scale: their places from 0 to 1, without overflow or loss."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import isfinite, nan
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

_MODERATE = 1e-100, 2**53
"""Numbers between these two are told apart by a double, and so are their sums and differences."""


def are_numbers(values: Sequence[Hashable]) -> bool:
    """Tell whether every value is a number."""
    return all(isinstance(value, (Real, Decimal, np.bool_)) for value in values)


def infinite(values: Sequence[Hashable]) -> list[Hashable]:
    """Return the numbers that are not finite."""
    return [
        value for value in values if isinstance(value, (float, np.floating, Decimal)) and not isfinite(value)
    ]


def places(values: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return the place of each number between the smallest (0) and the largest (1); NaN for one that is not finite.

    The differences are exact before they are rounded: 10**18 and 10**18 + 1 have two places, and neither 1e200 nor
    1e-300 leaves the range of a double.
    """
    exact = [_exact(value) for value in values]
    known = [number for number in exact if number is not None]
    if not known:
        return np.full(len(exact), nan)
    low, width = min(known), max(known) - min(known)
    return np.array(
        [nan if number is None else float((number - low) / width) if width else 0.0 for number in exact]
    )


def relative_differences(values: Sequence[Hashable]) -> NDArray[np.float64]:
    """Return the difference of every two numbers relative to their sum, (values x values); 0 where both are 0."""
    if are_numbers(values) and all(_MODERATE[0] < value < _MODERATE[1] or not value for value in values):  # type: ignore[operator]
        plain = np.array(values, dtype=np.float64)
        sums = plain[:, None] + plain
        apart = np.abs(plain[:, None] - plain)
        return np.asarray(np.divide(apart, sums, out=np.zeros_like(sums), where=sums > 0), dtype=np.float64)
    exact = [_exact(value) for value in values]
    table = np.zeros((len(exact), len(exact)))
    for row, one in enumerate(exact):
        for column, other in enumerate(exact[:row]):
            if one is None or other is None:
                table[row, column] = nan
            elif total := one + other:
                table[row, column] = float((one - other) / total)
    return np.abs(table + table.T)


def _exact(value: Hashable) -> Fraction | None:
    if isinstance(value, np.generic):
        value = value.item()
    assert isinstance(value, (int, float, Fraction, Decimal))
    return Fraction(value) if isinstance(value, (int, Fraction)) or isfinite(value) else None
