"""The stages of ingest: pure functions from a batch to a batch, so that any worker can run them.

read -> clean -> redact -> tag. What a batch becomes depends on nothing but the chunk and the plan.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs import readers
from task_generators.chat_logs.batches import Batch, RowOmission, batch_of, readings_in
from task_generators.chat_logs.curation import clean, tag
from task_generators.chat_logs.curation.redact import redact
from task_generators.chat_logs.readers import RowError, identify

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Reading
    from task_generators.chat_logs.sources.chunks import Chunk
    from workspaces.privacy.redaction import Redactor

TOO_DEEP = "nested too deeply"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker has to know: the file's format, from which line on, and how to redact.

    Rows before ``from_line`` came when the format was not known yet; None: no reader knows the columns.
    """

    format: str | None
    from_line: int
    redactor: bytes

    @classmethod
    def of(cls, format_name: str | None, from_line: int, redactor: Redactor) -> Plan:
        """Return a plan that can be sent to another process."""
        return cls(format_name, from_line, pickle.dumps(redactor))


def process(plan: Plan, chunk: Chunk) -> Batch:
    """Run every stage over one chunk."""
    batch = read(chunk, plan.format, plan.from_line)
    return tag(identified(redact(clean(batch), _redactor(plan.redactor)))) if batch.rows.num_rows else batch


def read(chunk: Chunk, format_name: str | None, from_line: int = 0) -> Batch:
    """Parse and read the rows of a chunk; those that cannot be read are left out with a reason."""
    reader = None if format_name is None else readers.named(format_name)
    merged = 0
    lines: list[int] = []
    readings: list[Reading] = []
    left_out: list[RowOmission] = []
    for row in chunk:
        try:
            if row.value is None:
                raise RowError(row.problem or "not readable")
            if reader is None or row.number < from_line:
                raise RowError(f"unknown columns: {', '.join(sorted(row.value)[:12])}")
            reading = readers.read(reader, row.value)
        except RowError as error:
            left_out += (
                RowOmission(number, "rejected", str(error)) for number in row.numbers or (row.number,)
            )
        else:
            left_out += (
                RowOmission(row.numbers[position], "rejected", reason)
                for position, reason in reading.left_out
                if row.numbers
            )
            found = [reading, *reading.fragments]
            merged += max(0, len(row.numbers) - len(found) - len(reading.left_out))
            lines += (row.numbers[each.place] if row.numbers else row.number for each in found)
            readings += found
    try:
        rows = batch_of(lines, readings)
    except (UnicodeEncodeError, RecursionError, OverflowError, pa.ArrowException):
        lines, readings, refused = _those_that_fit(lines, readings)
        left_out += refused
        rows = batch_of(lines, readings)
    return Batch(rows, tuple(left_out), format_name, merged)


def identified(batch: Batch) -> Batch:
    """Give those conversations an id that have none in the log; done once nothing private is left in them."""
    if all(batch.rows.column("conversation_id").to_pylist()):
        return batch
    rows = batch_of(
        batch.rows.column("line").to_pylist(), [identify(reading) for reading in readings_in(batch.rows)]
    )
    return replace(batch, rows=rows).with_column("redactions", batch.rows.column("redactions"))


def _those_that_fit(
    lines: list[int], readings: list[Reading]
) -> tuple[list[int], list[Reading], list[RowOmission]]:
    fitting: list[tuple[int, Reading]] = []
    refused: list[RowOmission] = []
    for line, reading in zip(lines, readings, strict=True):
        try:
            batch_of([line], [reading])
        except RecursionError:
            refused.append(RowOmission(line, "rejected", TOO_DEEP))
        except (UnicodeEncodeError, OverflowError, pa.ArrowException) as error:
            refused.append(RowOmission(line, "rejected", f"cannot be stored: {error}"))
        else:
            fitting.append((line, reading))
    return [line for line, _ in fitting], [reading for _, reading in fitting], refused


@lru_cache(maxsize=2)
def _redactor(pickled: bytes) -> Redactor:
    redactor: Redactor = pickle.loads(pickled)  # noqa: S301 - from our own process
    return redactor
