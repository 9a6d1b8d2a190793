"""Agreement weights of two different values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from quality.labels import check_symmetric
from quality.numbers import are_numbers, infinite, places
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.labels import CodedLabels

Weighting = Literal["identity", "linear", "quadratic", "ordinal"]


class UnorderedValuesError(WorkbenchError, ValueError):
    """A coefficient that needs the order of the answers got words without one; the message says how to give it."""


def weights_of(labels: CodedLabels, weighting: Weighting) -> NDArray[np.float64]:
    """Return the agreement weight of every two values, (values x values), 1 on the diagonal.

    ``identity``: 1 if equal, else 0. ``linear`` and ``quadratic``: 1 minus the (squared) difference relative
    to the (squared) range; for values that are not numbers, the difference of their positions. ``ordinal``: by
    the number of pairs of values that lie between the two. NaN for a linear or quadratic weight of an infinite number.

    Raises:
        UnorderedValuesError: weights of words whose order is not given.
        ValueError: an unknown weighting, or sides of a comparison that do not mirror the order.

    Source: Gwet (2014), Handbook of Inter-Rater Reliability, section 3.5.
    """
    if weighting not in get_args(Weighting):
        raise ValueError(f"the weighting is {weighting!r}; known are {', '.join(get_args(Weighting))}")
    if weighting != "identity":
        check_order(labels, f"agreement with {weighting} weights")
    weights = _weights(labels.values, weighting)
    check_symmetric(weights, labels.mirror)
    return weights


def check_order(labels: CodedLabels, what: str, argument: str = "values") -> None:
    """Raise ``UnorderedValuesError`` if the order of the values was not given and they are not numbers."""
    if labels.is_ordered:
        return
    words = ", ".join(map(repr, labels.values[:5]))
    raise UnorderedValuesError(
        f"{what} of answers that are not numbers needs their order, lowest first, and {words} have only that of the "
        f"alphabet: pass {argument}=[...], or make the column an ordered categorical"
    )


def without_distance(values: Sequence[Hashable]) -> str | None:
    """Return why numbers have no distance; ``None`` if they have one, or are no numbers."""
    if are_numbers(values) and (strange := infinite(values)):
        return f"the answer {strange[0]} is not a finite number and has no distance from the others"
    return None


def _weights(values: Sequence[Hashable], weighting: Weighting) -> NDArray[np.float64]:
    size = len(values)
    if weighting == "identity" or size < 2:
        return np.eye(size)
    if weighting == "ordinal":
        rank = np.arange(size, dtype=np.float64)
        apart = np.abs(rank[:, None] - rank)
        return np.asarray(1 - apart * (apart + 1) / (size * (size - 1)), dtype=np.float64)
    scale = places(values) if are_numbers(values) else np.arange(size) / (size - 1)
    apart = np.abs(scale[:, None] - scale)
    return np.asarray(1 - (apart if weighting == "linear" else apart**2), dtype=np.float64)
