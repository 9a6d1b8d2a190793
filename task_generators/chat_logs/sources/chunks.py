"""Cuts a chat-log file into chunks that workers read on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs.sources.rows import Packed, Row

CHUNK_ROWS = 500
CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk ends when it has so many bytes, or ``CHUNK_ROWS`` rows."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some neighbouring rows of a source, still packed where that can be."""

    packed: tuple[Packed, ...]

    def __len__(self) -> int:
        return sum(each.count for each in self.packed)

    def __iter__(self) -> Iterator[Row]:
        for each in self.packed:
            yield from each.rows()

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return sum(each.size for each in self.packed)

    def before(self, number: int) -> Chunk:
        """Return the part before a row."""
        return Chunk(tuple(row for row in self if row.number < number))

    def since(self, number: int) -> Chunk:
        """Return the part from a row on."""
        return Chunk(tuple(row for row in self if row.number >= number))


def chunks_of(packed: Iterator[Packed]) -> Iterator[Chunk]:
    """Yield rows in chunks.

    Raises:
        UsageError: as ``Source.packed``; what stands before a damaged place is yielded first.
    """
    portion: list[Packed] = []
    rows = size = 0
    damage: UsageError | None = None
    try:
        for each in packed:
            portion.append(each)
            rows += each.count
            size += each.size
            if rows >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield Chunk(tuple(portion))
                portion, rows, size = [], 0, 0
    except UsageError as error:
        damage = error
    if portion:
        yield Chunk(tuple(portion))
    if damage is not None:
        raise damage
