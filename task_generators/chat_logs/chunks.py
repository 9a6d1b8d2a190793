"""Cuts a chat-log file into chunks that workers read on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from task_generators.chat_logs.rows import jsonl_lines, parsed
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from task_generators.chat_logs.rows import Row
    from task_generators.chat_logs.sources import Source

T = TypeVar("T")

CHUNK_ROWS = 500
CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk of lines ends when it has so many bytes, or ``CHUNK_ROWS`` lines."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some neighbouring rows of a file: lines that are still to be parsed, or rows that were."""

    lines: tuple[tuple[int, bytes | None], ...] = ()
    rows: tuple[Row, ...] = ()

    def __len__(self) -> int:
        return len(self.lines) + len(self.rows)

    def before(self, number: int) -> Chunk:
        """Return the part before a row."""
        return Chunk(
            tuple(line for line in self.lines if line[0] < number),
            tuple(row for row in self.rows if row.number < number),
        )

    def since(self, number: int) -> Chunk:
        """Return the part from a row on."""
        return Chunk(
            tuple(line for line in self.lines if line[0] >= number),
            tuple(row for row in self.rows if row.number >= number),
        )

    @property
    def size(self) -> int:
        """Bytes of its lines; rows that were parsed already are taken for a kilobyte each."""
        return sum(len(line or b"") for _, line in self.lines) + 1000 * len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        yield from (parsed(number, line) for number, line in self.lines)
        yield from self.rows


def open_chunks(source: Source) -> Iterator[Chunk]:
    """Yield the rows of a source in chunks. Lines of JSON are left to the worker; other kinds are unpacked here.

    Raises:
        UsageError: see ``Source.rows``; what stands before a damaged place is yielded first.
    """
    if (path := source.lines_of) is not None:
        for lines in _portions(jsonl_lines(path), lambda numbered: len(numbered[1] or b"")):
            yield Chunk(lines=lines)
    else:
        yield from chunks_of(source.rows())


def chunks_of(rows: Iterator[Row]) -> Iterator[Chunk]:
    """Yield rows that were parsed already in chunks."""
    for portion in _portions(rows, lambda _: 0):
        yield Chunk(rows=portion)


def _portions(items: Iterator[T], size_of: Callable[[T], int]) -> Iterator[tuple[T, ...]]:
    portion: list[T] = []
    size = 0
    damage: UsageError | None = None
    try:
        for item in items:
            portion.append(item)
            size += size_of(item)
            if len(portion) == CHUNK_ROWS or size >= CHUNK_BYTES:
                yield tuple(portion)
                portion, size = [], 0
    except UsageError as error:
        damage = error
    if portion:
        yield tuple(portion)
    if damage is not None:
        raise damage
