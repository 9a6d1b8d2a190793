"""Finds the near duplicates of new conversations, among themselves and among all stored conversations."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from workspaces.collection.near_duplicates.index import BandIndex, BandSlot, pairs_within
from workspaces.collection.near_duplicates.signatures import jaccard, shingles
from workspaces.collection.opening import opened_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from workspaces.collection.near_duplicates.signatures import Hashes

THRESHOLD = 0.8
"""The minimum Jaccard similarity of the shingles of near duplicates."""


class NearDuplicates:
    """Near duplicates in a folder of collection files.

    Args:
        folder: the folder of the collection files; the index is in a folder beside it.
        texts_of: returns the texts of the conversations of a table with the columns of a collection file.
    """

    def __init__(self, folder: Path, texts_of: Callable[[object], list[str]]) -> None:
        self._folder = folder
        self._texts_of = texts_of
        self._index = BandIndex(folder.with_name(f"{folder.name}.index"), folder)

    def synchronize(self, files: Iterable[str]) -> None:
        """Index exactly these collection files."""
        self._index.synchronize(files)

    def add(self, file: str) -> None:
        """Index a collection file that was added."""
        self._index.add(file)

    def pairs(
        self,
        ids: Sequence[str],
        texts: Callable[[Sequence[int]], list[str]],
        bands: Hashes,
        files_of: Callable[[Sequence[str]], Mapping[str, str]],
    ) -> set[tuple[str, str]]:
        """Return pairs of conversation ids whose Jaccard similarity is ``THRESHOLD`` or more.

        A pair that follows from others (both are near duplicates of a third) may be left out. Only the connected
        groups matter, and they do not depend on the order of the conversations.

        Args:
            ids: the ids of the new conversations.
            texts: returns the texts of the new conversations at some positions.
            bands: the bands of the new conversations, shape (len(ids), ``BANDS``).
            files_of: returns the collection file of each stored conversation by id. A row in another file belongs to
                an earlier text of a conversation that grew, or to a deleted conversation, and is ignored.
        """
        within = pairs_within(bands)
        positions, slots = self._index.candidates(bands)
        if not len(within) and not slots:
            return set()
        involved = sorted({*within.ravel().tolist(), *positions.tolist()})
        shingled = shingles(texts(involved))
        new = {position: shingled.of(number) for number, position in enumerate(involved)}
        stored = self._stored(slots)
        current_files = files_of(sorted({conversation_id for conversation_id, _ in stored.values()}))
        groups = _Groups()
        near: set[tuple[str, str]] = set()

        def compare(first: str, first_hashes: Hashes, second: str, second_hashes: Hashes) -> None:
            if not groups.share(first, second) and jaccard(first_hashes, second_hashes) >= THRESHOLD:
                groups.join(first, second)
                near.add((first, second))

        for first, second in within.tolist():
            compare(ids[first], new[first], ids[second], new[second])
        for position, slot in zip(positions.tolist(), slots, strict=True):
            conversation_id, hashes = stored[slot]
            if current_files.get(conversation_id) == slot.file:
                compare(ids[position], new[position], conversation_id, hashes)
        return near

    def _stored(self, slots: Iterable[BandSlot]) -> Mapping[BandSlot, tuple[str, Hashes]]:
        """Return the id and shingles of stored conversations; only the row groups that hold one are decompressed."""
        rows_by_file: dict[str, set[int]] = defaultdict(set)
        for slot in slots:
            rows_by_file[slot.file].add(slot.row)
        stored: dict[BandSlot, tuple[str, Hashes]] = {}
        for file, rows in rows_by_file.items():
            with opened_part(self._folder / file) as parquet:
                starts = np.cumsum(
                    [0]
                    + [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
                )
                by_group: dict[int, list[int]] = defaultdict(list)
                for row in sorted(rows):
                    by_group[int(np.searchsorted(starts, row, side="right")) - 1].append(row)
                for group, members in by_group.items():
                    table = parquet.read_row_group(
                        group,
                        columns=["conversation_id", "conversation.list.element.content"],
                        use_threads=False,
                    ).take([row - int(starts[group]) for row in members])
                    shingled = shingles(self._texts_of(table))
                    for number, (row, conversation_id) in enumerate(
                        zip(members, table.column("conversation_id").to_pylist(), strict=True)
                    ):
                        stored[BandSlot(file, row)] = (conversation_id, shingled.of(number))
        return stored


class _Groups:
    """Connected groups of conversations (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def share(self, first: str, second: str) -> bool:
        return self._root(first) == self._root(second)

    def join(self, first: str, second: str) -> None:
        self._parents[self._root(first)] = self._root(second)

    def _root(self, node: str) -> str:
        while (parent := self._parents.get(node, node)) != node:
            self._parents[node] = node = self._parents.get(parent, parent)
        return node
