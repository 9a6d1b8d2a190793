"""Candidates about chains, in columns: what the finders of most kinds find in them, without reading them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from task_generators.candidates import LEVELS, InChains, Search, TaskCandidate, generated_kinds
from task_generators.outlines import strings_at
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from task_generators.outlines import Outlines

_AT_ONCE = 10_000
"""Names in memory at a time."""


@dataclass(frozen=True, slots=True)
class Block:
    """The candidates of one kind about chains, in columns.

    Candidate ``n`` is about the responses ``shown[starts[n]:starts[n + 1]]``, which stand in one conversation. Its id
    depends on them, or ``by_conversation`` on the conversation alone.
    """

    kind: str
    outlines: Outlines
    shown: NDArray[np.int32]
    starts: NDArray[np.int32]
    levels: NDArray[np.int8]
    trivial: NDArray[np.bool_]
    separate: bool = False
    by_conversation: bool = False

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def rows(self) -> NDArray[np.int32]:
        """The row of the conversation of each candidate."""
        return self.outlines.rows[self.shown[self.starts[:-1]]]

    def candidate(self, place: int) -> TaskCandidate:
        """Return one of the candidates."""
        shown = self.shown[self.starts[place] : self.starts[place + 1]].tolist()
        message_ids = tuple(self.outlines.ids[each].as_py() for each in shown)
        name = self.outlines.names[int(self.outlines.rows[shown[0]])].as_py()
        return TaskCandidate(
            id=stable_id(self.kind, *((name,) if self.by_conversation else message_ids)),
            kind=self.kind,
            message_ids=message_ids,
            conversation_ids=(name,) * len(shown),
            significance=LEVELS[self.levels[place]],
            separate=self.separate,
            trivial=bool(self.trivial[place]),
        )

    def ids(self, places: NDArray[np.integer[Any]]) -> Iterator[str]:
        """Yield the ids of some of the candidates, as ``candidate`` has them."""
        begun = _begun(self.kind)
        for some in self._names(places):
            for name in some:
                digest = begun()
                digest.update(name.encode())
                yield digest.hexdigest()

    def unit_logs(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the logarithms of the units (``allotment.unit``) of the ids of some of the candidates."""
        begun, begun_unit = _begun(self.kind), _begun("unit")
        logs: list[NDArray[np.float64]] = [np.empty(0, np.float64)]
        for some in self._names(places):
            digests = []
            for name in some:
                digest, of_unit = begun(), begun_unit()
                digest.update(name.encode())
                of_unit.update(digest.hexdigest().encode())
                digests.append(of_unit.digest())
            words = np.frombuffer(b"".join(digests), np.dtype([("first", ">u8"), ("rest", ">u4")]))["first"]
            units = ((words >> 12) + 0.5) / 16**13
            logs.append(np.fromiter(map(log, units.tolist()), np.float64, len(units)))
        return np.concatenate(logs)

    def _names(self, places: NDArray[np.integer[Any]]) -> Iterator[list[str]]:
        """Yield of what the id of each candidate is made, many at a time."""
        for some in np.array_split(places, len(places) // _AT_ONCE + 1):
            if self.by_conversation:
                yield strings_at(self.outlines.names, self.outlines.rows[self.shown[self.starts[some]]])
                continue
            sizes = self.starts[some + 1] - self.starts[some]
            if (sizes == 1).all():
                yield strings_at(self.outlines.ids, self.shown[self.starts[some]])
                continue
            inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            ids = iter(
                strings_at(self.outlines.ids, self.shown[np.repeat(self.starts[some], sizes) + inside])
            )
            yield ["\x1f".join(islice(ids, size)) for size in sizes.tolist()]


def block_of(
    kind: str, outlines: Outlines, shown: NDArray[np.int64], starts: NDArray[np.int64], **more: bool
) -> Block:
    """Return a block whose candidates are as significant as the most significant response of each."""
    first = starts[:-1]
    return Block(
        kind=kind,
        outlines=outlines,
        shown=shown.astype(np.int32),
        starts=starts.astype(np.int32),
        levels=np.maximum.reduceat(outlines.levels[shown], first) if len(first) else np.empty(0, np.int8),
        trivial=np.zeros(len(first), np.bool_),
        **more,
    )


def rated_in(outlines: Outlines, rows: NDArray[np.bool_], trivial: bool) -> NDArray[np.bool_]:
    """Return which responses stand in these chains, have seed feedback and, unless ``trivial``, are not blank."""
    rated = (outlines.levels >= 0) & rows[outlines.rows]
    return rated if trivial else rated & ~outlines.blank


class Blocks:
    """What kinds find in chains; kinds that find the same there share the columns."""

    def __init__(self, outlines: Outlines, *, trivial: bool) -> None:
        """Args: the outlines of all conversations, and whether trivial candidates are wanted, too."""
        self._outlines = outlines
        self._trivial = trivial
        self._found: list[tuple[InChains, int, NDArray[np.bool_], Block]] = []

    def of(self, kind: str, rows: NDArray[np.bool_]) -> Block | None:
        """Return what a kind finds in the chains that ``rows`` tells; None: its finder must be shown them."""
        find = generated_kinds()[kind].find
        if not isinstance(find, Search) or find.in_chains is None:
            return None
        for how, most, others, found in self._found:
            if (how, most) == (find.in_chains, find.most) and np.array_equal(rows, others):
                return replace(found, kind=kind)
        block = _in_chains(find.in_chains, find.most, kind, self._outlines, rows, self._trivial)
        self._found.append((find.in_chains, find.most, rows, block))
        return block


def _in_chains(
    how: InChains, most: int, kind: str, outlines: Outlines, rows: NDArray[np.bool_], trivial: bool
) -> Block:
    if how is InChains.RESPONSES:
        return _responses(kind, outlines, rows, trivial)
    if how is InChains.CONVERSATIONS:
        return _conversations(kind, outlines, rows, trivial)
    return _together_in_chains(most, kind, outlines, rows, trivial)


def _responses(kind: str, outlines: Outlines, rows: NDArray[np.bool_], trivial: bool) -> Block:
    shown = np.flatnonzero(rated_in(outlines, rows, trivial))
    found = block_of(kind, outlines, shown, np.arange(len(shown) + 1))
    return replace(found, trivial=outlines.blank[shown])


def _conversations(kind: str, outlines: Outlines, rows: NDArray[np.bool_], trivial: bool) -> Block:
    rated = np.flatnonzero(rated_in(outlines, rows, trivial))
    own, first = np.unique(outlines.rows[rated], return_index=True)
    found = block_of(kind, outlines, rated, np.append(first, len(rated)), by_conversation=True)
    return replace(
        found,
        shown=(outlines.starts[own + 1] - 1).astype(np.int32),
        starts=np.arange(len(own) + 1, dtype=np.int32),
    )


def _together_in_chains(
    most: int, kind: str, outlines: Outlines, rows: NDArray[np.bool_], trivial: bool
) -> Block:
    rated = np.flatnonzero(rated_in(outlines, rows, trivial))
    _, first, counts = np.unique(outlines.rows[rated], return_index=True, return_counts=True)
    place = np.arange(len(rated)) - np.repeat(first, counts)  # of each response in its conversation
    starts = np.append(np.flatnonzero(place % most == 0), len(rated))
    return block_of(kind, outlines, rated, starts, separate=True)


def _begun(first: str) -> Callable[[], blake2b]:
    """Return what begins the hash of a ``stable_id``; to copy it takes half the time of hashing the same anew."""
    return blake2b(f"{first}\x1f".encode(), digest_size=12).copy
