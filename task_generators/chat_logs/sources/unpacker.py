"""The process that unpacks a Parquet or Arrow file: a program of its own, which imports nothing of ours.

It writes an Arrow stream to standard output: small batches of rows, and batches without rows that say in their metadata
how many rows cannot be read, and why. It ends with 3 when the file is damaged or a bomb, and says so on standard error;
with 4 when its memory does not suffice.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # Arrow does without these two, and is imported in half the time
    sys.modules["numpy"] = sys.modules["cloudpickle"] = None  # type: ignore[assignment]

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED, OUT_OF_MEMORY = 3, 4
BUFFER_BYTES = 1024 * 1024
OF_MEMORY = (MemoryError, pa.ArrowMemoryError, pa.ArrowCapacityError)


NOTHING_BYTES = 110
REJECT_BYTES = 4096
"""What a row of nothing weighs: reading it costs time, though no memory."""


class BombError(Exception):
    """The file unpacks to more than it may."""


class Unpacker:
    """Writes the rows of one file.

    Args:
        settings: ``row_bytes`` and ``row_values``, the most of one row; ``value_bytes``, what a nested value weighs;
            ``batch_rows`` and ``batch_bytes``, the most of one batch; ``budget``, the bytes that all may weigh.
    """

    def __init__(self, settings: dict[str, int]) -> None:
        self._settings = settings
        self._left = settings["budget"]
        self._schema = pa.schema([])
        self._stream: Any = None

    def parquet(self, path: str) -> None:
        """Write the rows of a Parquet file, row group by row group."""
        file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
        self._begin(file.schema_arrow)
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            done = self._row_group(path, group, 0, self._settings["batch_rows"])
            if done < rows:  # so many rows together were too much
                done = self._row_group(path, group, done, 1)
            if done < rows:
                self._omit(rows - done, "it, or a row before it, takes too much memory")
        self._stream.close()

    def _row_group(self, path: str, group: int, start: int, batch_rows: int) -> int:
        """Write rows of a group from row ``start`` on; return how many rows were written when memory ended, or all."""
        done = 0
        try:
            file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
            for batch in file.iter_batches(batch_size=batch_rows, row_groups=[group], use_threads=False):
                if done + batch.num_rows > start:
                    self._write(batch.slice(max(0, start - done)))
                done += batch.num_rows
        except OF_MEMORY:
            return max(start, done)
        return done

    def arrow(self, path: str) -> None:
        """Write the rows of a file in Arrow's stream format or file format."""
        with pa.memory_map(path) as source:
            try:
                batches: Any = pa.ipc.open_stream(source)
                schema = batches.schema
            except pa.ArrowInvalid:
                file = pa.ipc.open_file(source)
                schema = file.schema
                batches = (file.get_batch(index) for index in range(file.num_record_batches))
            self._begin(schema)
            for batch in batches:
                for start in range(0, batch.num_rows, self._settings["batch_rows"]):
                    self._write(batch.slice(start, self._settings["batch_rows"]))
        self._stream.close()

    def _begin(self, schema: Any) -> None:
        self._schema = pa.schema(
            [
                field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
                for field in schema
            ],
            schema.metadata,
        )
        self._stream = pa.ipc.new_stream(sys.stdout.buffer, self._schema)

    def _write(self, batch: Any) -> None:
        for piece, weight in self._pieces(batch):
            # no row of a chat log is so light, and each of these is a reject
            is_nothing = weight <= piece.num_rows * NOTHING_BYTES
            self._left -= piece.num_rows * REJECT_BYTES if is_nothing else weight
            if self._left < 0:
                raise BombError
            too_big = piece.num_rows == 1 and self._too_big(piece)
            if too_big:
                self._omit(1, too_big)
                continue
            columns = [
                column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
                for column in piece.columns
            ]
            self._stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _omit(self, count: int, problem: str) -> None:
        self._left -= count * self._settings["value_bytes"]
        if self._left < 0:
            raise BombError
        empty = self._schema.empty_table().to_batches()
        batch = empty[0] if empty else pa.RecordBatch.from_pylist([], schema=self._schema)
        about = {"problem": problem.encode(), "count": str(count).encode()}
        self._stream.write_batch(batch, custom_metadata=about)

    def _pieces(self, batch: Any) -> Iterator[tuple[Any, int]]:
        """Yield a batch in pieces that are light enough or a single row, each with its weight in bytes."""
        weight = sum(
            _bytes(column) + self._settings["value_bytes"] * _values(column) for column in batch.columns
        )
        if batch.num_rows <= 1 or weight <= self._settings["batch_bytes"]:
            if batch.num_rows:
                yield batch, weight
            return
        half = batch.num_rows // 2
        yield from self._pieces(batch.slice(0, half))
        yield from self._pieces(batch.slice(half))

    def _too_big(self, row: Any) -> str:
        if sum(map(_bytes, row.columns)) > self._settings["row_bytes"]:
            return f"longer than {self._settings['row_bytes']} bytes"
        if sum(map(_values, row.columns)) > self._settings["row_values"]:
            return f"has more than {self._settings['row_values']} values"
        return ""


def _bytes(column: Any) -> int:
    """Return the bytes that a column takes once its dictionary is decoded."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    kind = column.type.value_type
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind)):
        return 16 * len(column)
    import pyarrow.compute as pc  # takes a third of the start, and few files have dictionaries

    return int(pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0)


def _values(column: Any) -> int:
    """Return how many values a column has, with all that are nested in them."""
    kind = column.type
    if pa.types.is_struct(kind):
        return len(column) + sum(map(_values, column.flatten()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return len(column) + _values(column.flatten())
    if pa.types.is_map(kind):
        return len(column) + _values(column.keys) + _values(column.items)
    if pa.types.is_dictionary(kind) or not kind.num_fields:
        return len(column)
    raise TypeError(f"columns of the type {kind} are not read")


def _bound_memory(more: int) -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # not Linux; what is in use is unknown
        return
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> int:
    """Unpack the file; return the exit code."""
    path, settings = sys.argv[1], json.loads(sys.argv[2])
    is_arrow = path.lower().endswith(".arrow")
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _bound_memory(settings["memory"] + (Path(path).stat().st_size if is_arrow else 0))
    unpacker = Unpacker(settings)
    try:
        unpacker.arrow(path) if is_arrow else unpacker.parquet(path)
    except OF_MEMORY:
        return OUT_OF_MEMORY
    except BrokenPipeError:
        return 1
    except BombError:
        sys.stderr.write("it unpacks to far more than its size, which no chat log does")
        return REFUSED
    except (OSError, EOFError, TypeError, ValueError, RecursionError, pa.ArrowException) as error:
        sys.stderr.write(" ".join(str(error).split())[:500])
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
