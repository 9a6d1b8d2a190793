"""Exports the ledger as CSV and Parquet: one row for each entry, in order."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from reward_engine.accounts import HELD, OWED, PERSON
from workspaces.chunks import in_chunks
from workspaces.csv_cells import harmless
from workspaces.files import replaced
from workspaces.store.ledger import ledger_entry, ledger_transaction
from workspaces.store.streams import stream_rows

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

    Each file is either the complete new one or the previous one (see ``workspaces.files``).

    Args:
        connection: a reading transaction, which sees one moment.
        folder: where the files go; it is created if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "ledger.csv", folder / "ledger.parquet"]
    count = 0
    with ExitStack() as stack:
        csv_file, parquet_file = (stack.enter_context(replaced(path)) for path in paths)
        csv = stack.enter_context(pa.csv.CSVWriter(csv_file, SCHEMA))
        parquet = stack.enter_context(pq.ParquetWriter(parquet_file, SCHEMA, compression="zstd"))
        for batch in _batches(connection):
            csv.write_batch(_harmless(batch))
            parquet.write_batch(batch)
            count += batch.num_rows
    return count, paths


def people_in(connection: sa.Connection) -> set[str]:
    """Return the pseudonyms of everybody with an account in the ledger."""
    accounts = connection.execute(sa.select(ledger_entry.c.account).distinct()).scalars()
    return {
        account.removeprefix(prefix)
        for account in accounts
        for prefix in (PERSON, HELD, OWED)
        if account.startswith(prefix)
    }


def _batches(connection: sa.Connection) -> Iterator[pa.RecordBatch]:
    columns = [ledger_entry.c.sequence, ledger_entry.c.account, ledger_entry.c.amount]
    columns += [ledger_transaction.c[name] for name in SCHEMA.names[3:]]
    query = (
        sa.select(*columns)
        .join(ledger_transaction, ledger_transaction.c.sequence == ledger_entry.c.sequence)
        .order_by(ledger_entry.c.sequence, ledger_entry.c.account)
    )
    for rows in in_chunks(stream_rows(connection, query, BATCH), BATCH):
        yield _batch(rows)


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows for a spreadsheet, which must not evaluate what somebody gave as a reason."""
    columns = [
        pa.array(map(harmless, column.to_pylist()), column.type)
        if pa.types.is_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _batch(rows: list[tuple[object, ...]]) -> pa.RecordBatch:
    arrays = [
        pa.array(list(column), field.type)
        for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
