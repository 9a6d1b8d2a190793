"""The disagreement that chance gives: that of the same answers, dealt to items at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.labels import margin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def summed_distance(
    totals: NDArray[np.float64], distance: NDArray[np.float64], mirror: NDArray[np.integer] | None
) -> NDArray[np.float64]:
    """Return the summed distance of the answers of each value from all other answers, (replicates x values).

    An answer to a comparison that is dealt to another item has no side there: it is on either with the same
    probability. So the two sides are equally frequent, and what an answer would differ from itself on the other side
    is no disagreement of two answers. The mean of alpha over all ways to deal the answers is then exactly 0.

    Args:
        totals: how often each value is given, (replicates x values).
        distance: the distance of every two values, (values x values).
        mirror: the place of each value's image, (values,); None where the question is no comparison.
    """
    even = margin(totals, mirror)
    apart = (even @ distance) * even
    return apart if mirror is None else apart - even * distance[range(len(mirror)), mirror] / 2
