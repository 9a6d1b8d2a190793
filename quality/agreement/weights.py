"""Agreement weights of two different values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

Weighting = Literal["identity", "linear", "quadratic", "ordinal"]


def weights_of(values: Sequence[Hashable], weighting: Weighting) -> NDArray[np.float64]:
    """Return the agreement weight of every two values, (values x values), 1 on the diagonal.

    ``identity``: 1 if equal, else 0. ``linear`` and ``quadratic``: 1 minus the (squared) difference relative
    to the (squared) range; for values that are not numbers, the difference of their positions. ``ordinal``: by
    the number of pairs of values that lie between the two.

    Raises:
        ValueError: an unknown weighting.

    Source: Gwet (2014), Handbook of Inter-Rater Reliability, section 3.5.
    """
    if weighting not in get_args(Weighting):
        raise ValueError(f"the weighting is {weighting!r}; known are {', '.join(get_args(Weighting))}")
    size = len(values)
    if weighting == "identity" or size < 2:
        return np.eye(size)
    places = np.arange(size, dtype=np.float64)
    if weighting == "ordinal":
        apart = np.abs(places[:, None] - places)
        return np.asarray(1 - apart * (apart + 1) / (size * (size - 1)), dtype=np.float64)
    scale = np.array(values, dtype=np.float64) if are_numbers(values) else places
    apart = np.abs(scale[:, None] - scale) / (scale.max() - scale.min())
    return np.asarray(1 - (apart if weighting == "linear" else apart**2), dtype=np.float64)


def are_numbers(values: Sequence[Hashable]) -> bool:
    """Tell whether every value is a number."""
    return all(isinstance(value, (int, float, np.number)) for value in values)
