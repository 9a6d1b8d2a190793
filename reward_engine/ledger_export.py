"""The ledger as files that anybody can read: one row for each entry, in order."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from workspaces.store.database import batched_rows
from workspaces.store.tables import ledger_entry, ledger_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCH = 10_000
"""Rows in memory at a time."""

SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("account", pa.string()),
        ("amount", pa.int64()),
        ("key", pa.string()),
        ("reason", pa.string()),
        ("rules_version", pa.string()),
        ("event_at", pa.timestamp("us", tz="UTC")),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("request_hash", pa.string()),
        ("previous_hash", pa.string()),
        ("hash", pa.string()),
    ]
)


def export_ledger(connection: sa.Connection, folder: Path) -> tuple[int, list[Path]]:
    """Write ``ledger.csv`` and ``ledger.parquet`` and return the number of entries and the two paths.

    Each file is whole or the one before: it is written beside its place and moved there when it is on the disk.

    Args:
        connection: a reading transaction, which sees one moment.
        folder: where to; made when it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "ledger.csv", folder / "ledger.parquet"]
    parts = [path.with_name(f".{path.name}.{os.getpid()}") for path in paths]
    count = 0
    try:
        with ExitStack() as stack:
            csv = stack.enter_context(pa.csv.CSVWriter(parts[0], SCHEMA))
            parquet = stack.enter_context(pq.ParquetWriter(parts[1], SCHEMA, compression="zstd"))
            for batch in _batches(connection):
                csv.write_batch(batch)
                parquet.write_batch(batch)
                count += batch.num_rows
        for part, path in zip(parts, paths, strict=True):
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return count, paths


def _batches(connection: sa.Connection) -> Iterator[pa.RecordBatch]:
    columns = [ledger_entry.c.sequence, ledger_entry.c.account, ledger_entry.c.amount]
    columns += [ledger_transaction.c[name] for name in SCHEMA.names[3:]]
    query = (
        sa.select(*columns)
        .join(ledger_transaction, ledger_transaction.c.sequence == ledger_entry.c.sequence)
        .order_by(ledger_entry.c.sequence, ledger_entry.c.account)
    )
    rows: list[sa.Row[Any]] = []
    for row in batched_rows(connection, query, BATCH):
        rows.append(row)
        if len(rows) == BATCH:
            yield _batch(rows)
            rows = []
    if rows:
        yield _batch(rows)


def _batch(rows: list[sa.Row[Any]]) -> pa.RecordBatch:
    arrays = [
        pa.array(list(column), field.type)
        for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
