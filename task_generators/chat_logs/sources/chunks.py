"""Cuts the rows of a source into chunks; a worker reads a chunk by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs.sources.packed import Packed
    from task_generators.chat_logs.sources.rows import Row

CHUNK_ROWS = 500
CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk ends when it has this many bytes, or ``CHUNK_ROWS`` rows."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a source, packed where possible."""

    packed: tuple[Packed, ...]

    def __len__(self) -> int:
        return sum(packed.count for packed in self.packed)

    def __iter__(self) -> Iterator[Row]:
        for packed in self.packed:
            yield from packed.rows()

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return sum(packed.size for packed in self.packed)

    def before(self, number: int) -> Chunk:
        """Return the rows before row ``number``."""
        return Chunk(tuple(row for row in self if row.number < number))

    def since(self, number: int) -> Chunk:
        """Return the rows from row ``number`` on."""
        return Chunk(tuple(row for row in self if row.number >= number))


def chunks_of(packed_rows: Iterator[Packed]) -> Iterator[Chunk]:
    """Yield rows in chunks.

    Raises:
        UsageError: as ``Source.packed``; the rows before a damaged place are yielded first.
    """
    portion: list[Packed] = []
    rows = size = 0
    damage: UsageError | None = None
    try:
        for packed in packed_rows:
            portion.append(packed)
            rows += packed.count
            size += packed.size
            if rows >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield Chunk(tuple(portion))
                portion, rows, size = [], 0, 0
    except UsageError as error:
        damage = error
    if portion:
        yield Chunk(tuple(portion))
    if damage is not None:
        raise damage
