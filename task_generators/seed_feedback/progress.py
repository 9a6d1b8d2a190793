"""How far seed feedback is: how many responses of shared conversations have it, of how many.

The figures are followed: the responses of a file of the collection are read once, as keys; later what was added,
changed or rated since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from workspaces.grammar import counted, word_for
from workspaces.keys import KeyIndex
from workspaces.records import SharingState
from workspaces.store.consent import last_event
from workspaces.store.conversations import count_by_state
from workspaces.store.part_keys import keys_by_part
from workspaces.store.parts import parts_in
from workspaces.store.seeded_keys import SeededKeys

if TYPE_CHECKING:
    from workspaces.collection import Collection
    from workspaces.collection.responses import Responses
    from workspaces.keys import Keys
    from workspaces.store import Store

Stamp: TypeAlias = tuple[float, int]
"""When a file was changed last, and its size."""


@dataclass(frozen=True, slots=True)
class SeedProgress:
    """Of the ``responses`` of shared conversations that answer a message, how many are ``seeded``: by any rater."""

    responses: int = 0
    seeded: int = 0

    @property
    def waiting(self) -> int:
        """How many have no seed feedback."""
        return self.responses - self.seeded

    def sentence(self) -> str:
        """Return the figures in words."""
        have = word_for(self.responses, "has", "have")
        return f"{self.seeded:,} of {counted(self.responses, 'response')} of shared conversations {have} seed feedback"

    def as_json(self) -> dict[str, int]:
        """Return the figures by name (``docs/glossary.md``)."""
        return {
            "responses_shared": self.responses,
            "responses_seeded": self.seeded,
            "responses_to_seed": self.waiting,
        }


class LiveSeedProgress:
    """The figures of one workspace. ``follow`` brings them up to date; one thread at a time."""

    def __init__(self, collection: Collection, store: Store) -> None:
        self._collection, self._store = collection, store
        self._parts: dict[str, tuple[Stamp, Responses]] = {}
        self._seeded = SeededKeys()
        self._shared: Keys = np.empty(0, np.int64)
        self._stood: object = None
        self._progress = SeedProgress()

    def follow(self, *, anew: bool = False) -> SeedProgress:
        """Return the figures as they are now; ``anew``: whatever the store says has changed."""
        with self._store.read() as connection:
            files = parts_in(connection)
            stands = (sorted(count_by_state(connection).items()), last_event(connection))
            is_rated_anew = self._seeded.follow(connection, anew=anew)
        changed = self._read(files)
        if anew or changed or stands != self._stood:
            self._shared, self._stood = self._shared_keys(), stands
        elif not is_rated_anew:
            return self._progress
        seeded = int(np.count_nonzero(KeyIndex(self._seeded.keys).places(self._shared) >= 0))
        self._progress = SeedProgress(len(self._shared), seeded)
        return self._progress

    def _read(self, files: list[str]) -> bool:
        """Read the files that are new or were changed, and forget those that are gone; return whether any was."""
        known, self._parts = self._parts, {}
        for file in files:
            stamp = self._collection.stamp_of(file)
            if stamp is None:  # a deletion that was killed removed it
                continue
            held = known.get(file)
            if held is None or held[0] != stamp:
                held = stamp, self._collection.responses_in(file)
            self._parts[file] = held
        return known.keys() != self._parts.keys() or any(
            known[it] is not held for it, held in self._parts.items()
        )

    def _shared_keys(self) -> Keys:
        """Return the keys of the responses of shared conversations, each from the file that holds its text."""
        with self._store.read() as connection:
            shared = keys_by_part(connection, [SharingState.SHARED])
        found = [
            responses.keys[shared[file].places(responses.owners) >= 0]
            for file, (_, responses) in self._parts.items()
        ]
        keys: Keys = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
        return keys
