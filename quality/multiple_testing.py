"""Multiple testing: control of the false discovery rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return the adjusted p-value (q) of each test; rejecting where q <= level controls the false discovery rate.

    Args:
        p_values: shape (tests,), each from 0 to 1; may be empty.

    Returns:
        Shape (tests,), in the same order, at least as large as ``p_values``, at most 1.

    Source: Benjamini and Hochberg (1995), Controlling the False Discovery Rate.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(stepped[::-1])[::-1].clip(max=1)
    return adjusted
