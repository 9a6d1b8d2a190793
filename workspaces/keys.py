"""Names as numbers, so that what is known of a million of them takes arrays and no object for each.

A key is the hash of a string in this process: 64 bits, keyed anew in each process, so that nobody can make up names
with equal keys. Keys are compared inside one process and never stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection

Keys: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.int64]


def keys_of(names: Collection[str]) -> Keys:
    """Return the key of each name, in order."""
    return np.fromiter(map(hash, names), np.int64, len(names))


class KeyIndex:
    """Tells where keys stand in an array of keys."""

    def __init__(self, keys: Keys) -> None:
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[self._order]

    def __len__(self) -> int:
        return len(self._keys)

    def places(self, keys: Keys) -> Places:
        """Return the place of each of these keys in the array; -1 where it is not there."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._order[at], np.int64(-1))

    def place(self, name: str) -> int:
        """Return the place of a name; -1: it is not there."""
        key = hash(name)
        at = int(self._keys.searchsorted(key))  # half the time of np.searchsorted
        return int(self._order[at]) if at < len(self._keys) and self._keys[at] == key else -1

    def places_of(self, names: Collection[str]) -> Places:
        """Return the places of those of these names that are there."""
        found = self.places(keys_of(names))
        return found[found >= 0]
