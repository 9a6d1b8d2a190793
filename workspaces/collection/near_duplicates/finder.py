"""Finds the near duplicates of new conversations, among themselves and among all that is stored."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from workspaces.collection.near_duplicates.index import BandIndex, BandSlot, pairs_within
from workspaces.collection.near_duplicates.signatures import jaccard, shingles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from workspaces.collection.near_duplicates.signatures import Hashes

THRESHOLD = 0.8
"""Jaccard similarity of the shingles from which two conversations are near duplicates."""


class NearDuplicates:
    """Near duplicates in a folder of collection files.

    Args:
        folder: the collection's; the index is kept beside it.
        texts_of: the texts of the conversations of a table with the collection's columns.
    """

    def __init__(self, folder: Path, texts_of: Callable[[object], list[str]]) -> None:
        self._folder = folder
        self._texts_of = texts_of
        self._index = BandIndex(folder.with_name(f"{folder.name}.index"), folder)

    def synchronize(self, parts: Iterable[str]) -> None:
        """Index exactly these collection files."""
        self._index.synchronize(parts)

    def add(self, part: str) -> None:
        """Index a file that was added."""
        self._index.add(part)

    def pairs(
        self,
        ids: Sequence[str],
        texts: Callable[[Sequence[int]], list[str]],
        bands: Hashes,
        parts_of: Callable[[Sequence[str]], Mapping[str, str]],
    ) -> set[tuple[str, str]]:
        """Return pairs of conversation ids whose Jaccard similarity is ``THRESHOLD`` or more.

        Pairs that follow from others (both are near duplicates of a third) may be left out: what counts is
        which conversations hang together, and that does not depend on the order they came in.

        Args:
            ids: of the new conversations.
            texts: gives the texts of new conversations by position.
            bands: of the new conversations, shape (len(ids), ``BANDS``).
            parts_of: gives the collection file of stored conversations by id. A row in another file is an older
                one of a conversation that grew, or of one that is gone: it resembles nothing.
        """
        within = pairs_within(bands)
        positions, places = self._index.candidates(bands)
        if not len(within) and not places:
            return set()
        involved = sorted({*within.ravel().tolist(), *positions.tolist()})
        shingled = shingles(texts(involved))
        new = {position: shingled.of(number) for number, position in enumerate(involved)}
        stored = self._stored(places)
        current = parts_of(sorted({name for name, _ in stored.values()}))
        together = _Together()
        found: set[tuple[str, str]] = set()

        def compare(one: str, ones: Hashes, other: str, others: Hashes) -> None:
            if not together.are(one, other) and jaccard(ones, others) >= THRESHOLD:
                together.join(one, other)
                found.add((one, other))

        for one, other in within.tolist():
            compare(ids[one], new[one], ids[other], new[other])
        for position, place in zip(positions.tolist(), places, strict=True):
            name, hashes = stored[place]
            if current.get(name) == place.part:
                compare(ids[position], new[position], name, hashes)
        return found

    def _stored(self, places: Iterable[BandSlot]) -> Mapping[BandSlot, tuple[str, Hashes]]:
        """Return id and shingles of stored conversations, unpacking as little as can be."""
        rows: dict[str, set[int]] = defaultdict(set)
        for place in places:
            rows[place.part].add(place.row)
        found: dict[BandSlot, tuple[str, Hashes]] = {}
        for part, wanted in rows.items():
            with pq.ParquetFile(self._folder / part) as file:
                starts = np.cumsum(
                    [0] + [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
                )
                by_group: dict[int, list[int]] = defaultdict(list)
                for row in sorted(wanted):
                    by_group[int(np.searchsorted(starts, row, side="right")) - 1].append(row)
                for group, members in by_group.items():
                    table = file.read_row_group(
                        group,
                        columns=["conversation_id", "conversation.list.element.content"],
                        use_threads=False,
                    ).take([row - int(starts[group]) for row in members])
                    shingled = shingles(self._texts_of(table))
                    for number, (row, name) in enumerate(
                        zip(members, table.column("conversation_id").to_pylist(), strict=True)
                    ):
                        found[BandSlot(part, row)] = (name, shingled.of(number))
        return found


class _Together:
    """Which conversations hang together (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def are(self, one: str, other: str) -> bool:
        return self._root(one) == self._root(other)

    def join(self, one: str, other: str) -> None:
        self._parents[self._root(one)] = self._root(other)

    def _root(self, name: str) -> str:
        while (parent := self._parents.get(name, name)) != name:
            self._parents[name] = name = self._parents.get(parent, parent)
        return name
