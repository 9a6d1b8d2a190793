"""The stages of ingest: read, clean, redact, tag. Pure functions from a batch to a batch, so any worker can run them.

What becomes of a chunk depends on nothing but the chunk and its plan.
"""

from __future__ import annotations

import pickle
import shlex
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from task_generators.chat_logs.batches import Batch, RowOmission, batch_of, readings_in
from task_generators.chat_logs.curation import clean, redact, tag
from task_generators.chat_logs.losses import Losses
from task_generators.chat_logs.readers import ROWS, RowError, detect, identify, named
from task_generators.chat_logs.readers.judgments import decisive
from task_generators.chat_logs.readers.reading import with_unique_ids
from task_generators.chat_logs.readers.without_text import table_without_text
from workspaces.collection.files import SCHEMA, measured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from task_generators.chat_logs.readers import Loss, Reader, Reading, RowValue
    from task_generators.chat_logs.sources import Chunk, ChunkPlan, Row, SourcePlan
    from workspaces.privacy.redaction import Redactor

TOO_DEEP = "nested too deeply"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker needs to process a chunk: how to read it, and the pickled redactor."""

    chunk: ChunkPlan
    redactor: bytes


def work_of(source_plan: SourcePlan, redactor: Redactor) -> Iterator[tuple[Plan, Chunk]]:
    """Yield the chunks of a source, each with a plan that can be sent to another process.

    Raises:
        UsageError: as ``SourcePlan.chunks``.
        ConnectionFailedError: as ``SourcePlan.chunks``.
    """
    pickled = pickle.dumps(redactor)
    for chunk_plan, chunk in source_plan.chunks():
        yield Plan(chunk_plan, pickled), chunk


def process(plan: Plan, chunk: Chunk) -> Batch:
    """Run every stage on one chunk."""
    redactor = _redactor(plan.redactor)
    batch = clean(read(plan.chunk, chunk))
    if batch.losses.counts:
        batch = replace(batch, losses=batch.losses.redacted(redactor))
    if not batch.rows.num_rows:
        return batch
    earlier = redact(batch, redactor.earlier) if redactor.earlier else None
    return tag(identified(redact(batch, redactor), earlier))


def size_of(plan: Plan, chunk: Chunk) -> int:
    """Return the bytes of a chunk, of which ``process`` makes a batch."""
    return chunk.size


def read(plan: ChunkPlan, rows: Iterable[Row]) -> Batch:
    """Parse and read the rows of a chunk; rows that cannot be read are omitted with a reason."""
    reader = None if plan.format is None else named(plan.format)
    merged = 0
    lines: list[int] = []
    readings: list[Reading] = []
    omissions: list[RowOmission] = []
    losses = Losses()
    for row in rows:
        numbers = row.numbers or (row.number,)
        try:
            if row.value is None:
                raise RowError(row.problem or "not readable")
            if reader is None or row.number < plan.from_row:
                raise RowError(_unknown(row.value))
            reading = _read(reader, row.value)
            lost = _lost(reader, row.value, reading, plan.ignored)
            conversations = [with_unique_ids(each) for each in (reading, *reading.fragments)]
        except RowError as error:
            omissions += (RowOmission(number, "rejected", str(error)) for number in numbers)
            continue
        for loss in lost:
            losses.add_value(loss)
        if row.numbers:
            omissions += (
                RowOmission(row.numbers[position], "rejected", reason)
                for position, reason in reading.omissions
            )
        merged += max(0, len(row.numbers) - len(conversations) - len(reading.omissions))
        lines += (
            row.numbers[conversation.place] if row.numbers else row.number for conversation in conversations
        )
        readings += conversations
    try:
        stored_rows = batch_of(lines, readings)
    except (UnicodeEncodeError, RecursionError, OverflowError, pa.ArrowException):
        lines, readings, unstorable = _storable(lines, readings)
        omissions += unstorable
        stored_rows = batch_of(lines, readings)
    return Batch(stored_rows, tuple(omissions), plan.format, merged, losses)


def _read(reader: Reader, row: RowValue) -> Reading:
    """Return the reading of a row.

    Raises:
        RowError: the row is not what the format requires; the reason says if it is of another format.
    """
    try:
        return reader.read(row)
    except RowError as error:
        other = None if ROWS in row or reader.knows(row) else detect(row)
        if other is None:
            raise
        raise RowError(
            f"of another format than the rest, {other.name}: read such rows from a file of their own ({error})"
        ) from None


def _unknown(row: RowValue) -> str:
    if (table := table_without_text(row)) is not None:
        return f"{table}, without texts: read the folder of the export, or its first table"
    return f"unknown columns: {', '.join(sorted(row)[:12])}"


def _lost(reader: Reader, row: RowValue, reading: Reading, ignored: frozenset[str]) -> list[Loss]:
    """Return the values of a row that are not kept.

    Raises:
        RowError: among them is a judgment or a further message, and it is not ``ignored``.
    """
    lost = reader.losses(row, reading)
    if lost and (paths := decisive(lost, ignored)):
        raise RowError(
            f"{', '.join(paths)} holds judgments or messages that the reader {reader.name} does not read: name another "
            f"with --format, or do without by --ignore {shlex.quote(paths[0])}"
        )
    return [*lost, *reading.losses]


def identified(batch: Batch, earlier: Batch | None = None) -> Batch:
    """Give an id to conversations that have none in the log; done once nothing private is left in them.

    ``earlier`` is the same batch as it was redacted while more names were denied: it tells the ids of that time.
    """
    if all(batch.rows.column("conversation_id").to_pylist()):
        return batch
    rows = batch_of(
        batch.rows.column("line").to_pylist(), [identify(reading) for reading in readings_in(batch.rows)]
    )
    if earlier is not None:
        then = batch_of(
            batch.rows.column("line").to_pylist(),
            [identify(reading) for reading in readings_in(earlier.rows)],
        )
        hashes = measured(then.select(SCHEMA.names)).column("content_hash")
        ids = then.column("conversation_id")
        had_none = pa.array([not name for name in batch.rows.column("conversation_id").to_pylist()])
        nothing = pa.nulls(len(ids), pa.string())
        rows = (
            Batch(rows)
            .with_column("earlier_id", pc.if_else(had_none, ids, nothing))
            .with_column("earlier_hash", pc.if_else(had_none, hashes, nothing))
            .rows
        )
    return replace(batch, rows=rows).with_column("redactions", batch.rows.column("redactions"))


def _storable(
    lines: list[int], readings: list[Reading]
) -> tuple[list[int], list[Reading], list[RowOmission]]:
    """Return the lines and readings that can be stored, and the omissions of the others."""
    storable: list[tuple[int, Reading]] = []
    omissions: list[RowOmission] = []
    for line, reading in zip(lines, readings, strict=True):
        try:
            batch_of([line], [reading])
        except RecursionError:
            omissions.append(RowOmission(line, "rejected", TOO_DEEP))
        except (UnicodeEncodeError, OverflowError, pa.ArrowException) as error:
            omissions.append(RowOmission(line, "rejected", f"cannot be stored: {error}"))
        else:
            storable.append((line, reading))
    return [line for line, _ in storable], [reading for _, reading in storable], omissions


@lru_cache(maxsize=2)
def _redactor(pickled: bytes) -> Redactor:
    redactor: Redactor = pickle.loads(pickled)  # noqa: S301 - from our own process
    return redactor
