"""Packed rows: a line of JSON or a stretch of an Arrow table that is not unpacked yet.

Unpacking rows takes longer than locating them in a file, so rows are passed to workers packed where possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from task_generators.chat_logs.sources.rows import Row, parsed_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Line:
    """An unparsed line of a JSONL file; ``text`` is None for a line that is too long."""

    number: int
    text: bytes | None

    count: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text or b"")

    def rows(self) -> Iterator[Row]:
        """Yield the row of the line."""
        yield parsed_row(self.number, self.text)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows of a table; ``number`` is that of the first."""

    number: int
    batch: pa.RecordBatch

    @property
    def count(self) -> int:
        """Rows."""
        return int(self.batch.num_rows)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.batch.nbytes)

    def rows(self) -> Iterator[Row]:
        """Yield its rows; one that cannot be unpacked comes with its problem."""
        try:
            values = self.batch.to_pylist()
        except _UNREADABLE as error:
            if self.count == 1:
                yield Row(self.number, None, f"not readable: {' '.join(str(error).split())}")
                return
            for offset in range(self.count):
                yield from Stretch(self.number + offset, self.batch.slice(offset, 1)).rows()
        else:
            for number, value in enumerate(values, start=self.number):
                yield Row(number, value)

    def __reduce__(self) -> tuple[Callable[[int, bytes], Stretch], tuple[int, bytes]]:
        """Pickle these rows alone; the default would pickle the whole table that the batch is a slice of."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.batch.schema) as stream:
            stream.write_batch(self.batch)
        return _unpickled_stretch, (self.number, sink.getvalue().to_pybytes())


Packed = Row | Line | Stretch

_UNREADABLE = (ValueError, OverflowError, pa.ArrowException)
"""Raised by unpacking: text that is not UTF-8, a time outside the calendar."""


def _unpickled_stretch(number: int, arrow_stream: bytes) -> Stretch:
    with pa.ipc.open_stream(arrow_stream) as stream:
        return Stretch(number, stream.read_next_batch())
