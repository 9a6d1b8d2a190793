"""What several judges say, with the significance of many messages at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workspaces.keys import KeyIndex, keys_of
from workspaces.records import Significance
from workspaces.store.seed_index import Seeds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from workspaces.keys import Keys
    from workspaces.records import SeedFeedback

_RANK = {level: rank for rank, level in enumerate(Significance)}


class UnitedSeeds(Seeds):
    """What several judges say, which is in memory."""

    def __init__(self, seeds: Mapping[str, SeedFeedback]) -> None:
        self._seeds = seeds
        self._index = KeyIndex(keys_of(seeds))
        ranks = (_RANK[seed.significance] for seed in seeds.values())
        self._ranks = np.append(np.fromiter(ranks, np.int8, len(seeds)), np.int8(-1))

    def levels(self, keys: Keys) -> NDArray[np.int8]:
        """Return the significance of messages, by their keys, as a place in ``Significance``; -1: not rated."""
        return self._ranks[self._index.places(keys)]

    def load(self, message_ids: Iterable[str]) -> None:
        """Do nothing: all is at hand."""

    def __getitem__(self, message_id: str) -> SeedFeedback:
        return self._seeds[message_id]

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._seeds

    def __iter__(self) -> Iterator[str]:
        return iter(self._seeds)

    def __len__(self) -> int:
        return len(self._seeds)
