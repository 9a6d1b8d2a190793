"""Decides which reader reads a source, and how: its format, its companion file, the grouping of its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import READERS, detect, is_known, named
from task_generators.chat_logs.readers.thumbs import is_zero
from task_generators.chat_logs.readers.uses import THUMB
from task_generators.chat_logs.sources.chunks import chunks_of
from task_generators.chat_logs.sources.companion import companion_join
from task_generators.chat_logs.sources.grouping import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from task_generators.chat_logs.readers import Reader, RowValue
    from task_generators.chat_logs.sources.chunks import Chunk
    from task_generators.chat_logs.sources.rows import Row
    from task_generators.chat_logs.sources.source import Source

SAMPLE = 20
"""Rows by which readers are compared."""

SEARCHED = 500
"""Rows among which they are looked for."""


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How one chunk is read: by the reader of ``format``, from row ``from_row`` on.

    Earlier rows came before the format was detected, and are rejected; so are all rows if ``format`` is None.
    ``ignored`` are columns that the lead does without, whatever they hold.
    """

    format: str | None
    from_row: int = 0
    ignored: frozenset[str] = frozenset()


class SourcePlan:
    """The chunks of a source, each with its plan.

    The first rows whose columns a reader knows decide the format of the whole source, unless a format was given.
    """

    def __init__(self, source: Source, reader: Reader | None, ignored: frozenset[str] = frozenset()) -> None:
        self._source = source
        self._reader = reader
        self._ignored = ignored
        self._our_names: dict[str, str] = {}
        self._with_neutral_zero: frozenset[str] = frozenset()

    @property
    def format(self) -> str | None:
        """The format; while chunks are taken, None until it is detected."""
        return None if self._reader is None else self._reader.name

    @property
    def our_names(self) -> dict[str, str]:
        """Names of columns in the source that are read as others, which differ in case, blanks or dashes alone."""
        return self._our_names

    def chunks(self) -> Iterator[tuple[ChunkPlan, Chunk]]:
        """Yield each chunk with its plan.

        Raises:
            UsageError: as ``Source.packed`` and ``companion_join``.
            ConnectionFailedError: as ``Source.packed``.
        """
        chunks = chunks_of(self._source.packed())
        if self._reader is None:
            unknown = ChunkPlan(None)
            for chunk in chunks:
                start = self._detect(chunk)
                if start is None:
                    yield unknown, chunk
                    continue
                if rejected := chunk.before(start):
                    yield ChunkPlan(self.format, start, self._ignored), rejected
                chunks = chain([chunk.since(start)], chunks)
                break
        if self._reader is not None:
            known = ChunkPlan(self.format, ignored=self._ignored)
            for chunk in self._prepared(chunks, self._reader):
                yield known, chunk

    def knows(self, chunk: Chunk) -> bool:
        """Return whether a reader knows a row of a chunk."""
        return self._detect(chunk) is not None

    def _detect(self, chunk: Chunk) -> int | None:
        """Find the reader in a chunk, and return the number of the first row that any reader knows."""
        rows = [(row.number, row.value) for row in islice(chunk, SEARCHED) if row.value is not None]
        sample = [(number, value) for number, value in rows if is_known(value)][:SAMPLE]
        if sample:
            self._reader = detect(*(value for _, value in sample))
        else:
            sample = [(number, value) for number, value in rows if self._know_renamed(value)][:1]
        if not sample or self._reader is None:
            return None
        for _, value in rows:
            self._our_names |= _our_names(self._reader, value)
        self._with_neutral_zero = _with_neutral_zero(
            self._reader, self._our_names, (value for _, value in rows)
        )
        return sample[0][0]

    def _know_renamed(self, row: RowValue) -> bool:
        """Find the reader that knows a row once its columns are renamed."""
        if self._reader is None:
            for reader in READERS:
                names = _our_names(reader, row)
                if names and reader.knows({names.get(name, name): value for name, value in row.items()}):
                    self._reader = reader
                    break
        return self._reader is not None

    def _prepared(self, chunks: Iterator[Chunk], reader: Reader) -> Iterator[Chunk]:
        """Yield chunks whose rows are renamed, joined with their companion, and grouped by conversation, as needed."""
        join = None if reader.companion is None else companion_join(self._source, reader.companion)
        is_single = reader.group_key is None and reader.begins is None
        if join is None and is_single and not self._our_names and not self._with_neutral_zero:
            return chunks
        rows: Iterator[Row] = (row for chunk in chunks for row in chunk)
        if self._our_names:
            rows = (_with_names(row, self._our_names) for row in rows)
        if self._with_neutral_zero:
            rows = (_without_zeros(row, self._with_neutral_zero) for row in rows)
        if join is not None:
            rows = map(join, rows)
        return chunks_of(together(rows, reader))


def is_readable(source: Source) -> bool:
    """Return whether a reader knows one of the first rows of a source."""
    return any(SourcePlan(source, None).knows(chunk) for chunk in islice(chunks_of(source.packed()), 1))


def _our_names(reader: Reader, row: RowValue) -> dict[str, str]:
    """Return the names of columns that differ from those that a reader declares in case, blanks or dashes alone."""
    names: dict[str, str] = {}
    for theirs in row:
        ours = re.sub(r"[\s-]+", "_", theirs.strip().lower())
        if (
            ours != theirs
            and ours not in row
            and reader.declared.use_of(ours) is not None
            and reader.declared.use_of(theirs) is None
            and ours not in names.values()
        ):
            names[theirs] = ours
    return names


def _with_neutral_zero(
    reader: Reader, our_names: Mapping[str, str], rows: Iterable[RowValue]
) -> frozenset[str]:
    """Return the columns of thumbs that hold -1 somewhere: there 0 is no judgment, and not a thumb down."""
    return frozenset(
        ours
        for row in rows
        for name, value in row.items()
        if str(value).strip() in ("-1", "-1.0")
        and (use := reader.declared.use_of(ours := our_names.get(name, name))) is not None
        and use.goes_to == THUMB.goes_to
    )


def _without_zeros(row: Row, columns: frozenset[str]) -> Row:
    if row.value is None or not any(is_zero(row.value.get(column)) for column in columns):
        return row
    kept = {name: None if name in columns and is_zero(value) else value for name, value in row.value.items()}
    return replace(row, value=kept)


def _with_names(row: Row, our_names: Mapping[str, str]) -> Row:
    if row.value is None:
        return row
    return replace(row, value={our_names.get(name, name): value for name, value in row.value.items()})


def plan(source: Source, format_name: str | None = None, ignored: frozenset[str] = frozenset()) -> SourcePlan:
    """Return how a source is read: by the reader of the given format, or of the one detected from its columns.

    Args:
        source: the source.
        format_name: the format.
        ignored: columns that the lead does without, even if they hold judgments or messages.

    Raises:
        UsageError: no format has this name.
    """
    return SourcePlan(source, None if format_name is None else named(format_name), ignored)
