"""Cuts a chat-log file into chunks that workers read on their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from task_generators.chat_logs.rows import jsonl_lines, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from task_generators.chat_logs.rows import Row
    from task_generators.chat_logs.sources import Source

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

    def __iter__(self) -> Iterator[Row]:
        yield from (parsed(number, line) for number, line in self.lines)
        yield from self.rows


def open_chunks(source: Source) -> Iterator[Chunk]:
    """Yield the rows of a source in chunks. Lines of JSON are left to the worker; other kinds are unpacked here.

    Raises:
        UsageError: see ``Source.rows``.
    """
    if (path := source.lines_of) is not None:
        yield from _chunks_of_lines(path)
        return
    yield from chunks_of(source.rows())


def chunks_of(rows: Iterator[Row]) -> Iterator[Chunk]:
    """Yield rows that were parsed already in chunks."""
    while chunk := tuple(islice(rows, CHUNK_ROWS)):
        yield Chunk(rows=chunk)


def _chunks_of_lines(path: Path) -> Iterator[Chunk]:
    lines: list[tuple[int, bytes | None]] = []
    size = 0
    for number, line in jsonl_lines(path):
        lines.append((number, line))
        size += len(line or b"")
        if len(lines) == CHUNK_ROWS or size >= CHUNK_BYTES:
            yield Chunk(lines=tuple(lines))
            lines, size = [], 0
    if lines:
        yield Chunk(lines=tuple(lines))
