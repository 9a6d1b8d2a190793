"""Files of Arrow record batches that wait for whoever goes on with them: each batch is found by where it begins."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.files import written_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record batch that waits in a file, by where it begins."""

    path: str
    start: int

    def read(self, names: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return the batch, or those of these columns that are there; none is copied.

        Raises:
            LostFileError: the file is gone or damaged.
        """
        with written_before(self.path), pa.memory_map(self.path) as file:
            schema = _schema_of(self.path)
            file.seek(self.start)
            batch = pa.ipc.read_record_batch(pa.ipc.read_message(file), schema)
            if names is None:
                return batch
            known = {*schema.names}
            return batch.select([name for name in names if name in known])


@contextmanager
def batch_file(
    path: Path, schema: pa.Schema, guard: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[Callable[[pa.RecordBatch], Waiting]]:
    """Yield a function that adds a batch to a new file, which is there after the block: whole, or not at all.

    So whoever fills it can be killed, and it be done again. ``guard`` is around what writes, to turn its errors into
    others.
    """
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with guard():
        file = temporary.open("wb")

    def add(batch: pa.RecordBatch) -> Waiting:
        with guard():
            start = file.tell()
            file.write(batch.serialize())
        return Waiting(str(path), start)

    try:
        with guard():
            file.write(schema.serialize())
        yield add
        with guard():
            file.close()
            temporary.replace(path)
    finally:
        with suppress(OSError):  # which is on its way, if there is one
            file.close()


def keep(
    path: Path,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> list[Waiting]:
    """Write tables to a new file, as ``batch_file`` does; return their batches, in order."""
    with batch_file(path, schema, guard) as add:
        return [add(batch) for table in tables for batch in table.to_batches()]


def table_in(waiting: Iterable[Waiting], schema: pa.Schema) -> pa.Table:
    """Return batches that wait as one table.

    Raises:
        LostFileError: a file is gone or damaged.
    """
    return pa.Table.from_batches([it.read() for it in waiting], schema)


@lru_cache(maxsize=1024)
def _schema_of(path: str) -> pa.Schema:
    with pa.memory_map(path) as file:
        return pa.ipc.read_schema(file)
