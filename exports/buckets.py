"""Buckets: the parts that the rows of an export are divided into, so that a later release rewrites few of them."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

LEAST = 8
"""Buckets of an export of any size."""
ITEMS = 16_384
"""Items in a bucket, at most on average; files of a good size to stream."""
OF_PORTION = ITEMS // 2
"""Tasks, and so about as many items, in a portion of the evidence, on average."""


def buckets_for(items: int, before: int = 0) -> int:
    """Return the number of buckets for so many items: a power of two, and never fewer than a release before had."""
    buckets = max(LEAST, before)
    while items > buckets * ITEMS:
        buckets *= 2
    return buckets


def bucket_of(name: str, buckets: int) -> int:
    """Return the bucket of an item by its id alone, from 0: what else is in an export moves no item."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % buckets


def buckets_of(digests: Sequence[bytes], buckets: int) -> NDArray[np.int64]:
    """Return the buckets of items, as ``bucket_of``, from the BLAKE2b digests of their ids, of eight bytes each."""
    import numpy as np  # listing the projections needs none of it

    numbers = np.frombuffer(b"".join(digests), ">u8")
    return (numbers % np.uint64(buckets)).astype(np.int64)
