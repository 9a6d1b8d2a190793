"""What the stages of ingest pass on: conversations as an Arrow batch, and the omissions so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.losses import Losses
from task_generators.chat_logs.readers import Reading, feedback
from task_generators.chat_logs.telling_ids import telling_ids
from workspaces.collection.files import SCHEMA, conversations_in, to_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = pa.schema(
    [
        *SCHEMA,
        ("line", pa.int64()),
        ("feedback", pa.string()),
        ("redactions", pa.string()),
        ("earlier_id", pa.string()),
        ("earlier_hash", pa.string()),
        ("own_ids", pa.bool_()),
        ("telling", pa.list_(pa.string())),
    ]
)
"""The collection's columns (``user_id`` still as the file names the person), then the line of a conversation, the
feedback that came with it and the number of placeholders by type, both as JSON or null. A conversation without an id of
the log's own has the id and the content hash of its text as it was redacted while more names were denied, if it was.
``own_ids`` is ``Reading.own_ids``; ``telling`` has the ids that tell whose they are (``telling_ids``), or is null."""


@dataclass(frozen=True, slots=True)
class RowOmission:
    """A row that does not enter the collection.

    ``kind`` is ``rejected`` (it cannot be read) or ``cleaned`` (by a cleaning rule).
    """

    line: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows with the columns of ``ROWS``, and the rows omitted so far. It shares nothing with any other batch.

    ``merged`` counts rows of the source that are part of another row's conversation, ``losses`` what of the rows that
    were read is not kept.
    """

    rows: pa.RecordBatch
    omissions: tuple[RowOmission, ...] = ()
    format: str | None = None
    merged: int = 0
    losses: Losses = field(default_factory=Losses)

    def with_column(self, name: str, values: pa.Array | Sequence[object]) -> Batch:
        """Return the batch with one column replaced."""
        index = self.rows.schema.get_field_index(name)
        field = ROWS.field(name)
        column = values if isinstance(values, pa.Array) else pa.array(values, field.type)
        return replace(self, rows=self.rows.set_column(index, field, column))


def batch_of(lines: Sequence[int], readings: Sequence[Reading]) -> pa.RecordBatch:
    """Return readings as rows with the columns of ``ROWS``.

    Raises:
        UnicodeEncodeError: UTF-8 cannot hold one of the texts.
    """
    rows = to_batch([reading.conversation for reading in readings])
    feedback_json = [feedback.to_json(reading.feedback) for reading in readings]
    return pa.RecordBatch.from_arrays(
        [
            *rows.columns,
            pa.array(lines, pa.int64()),
            pa.array(feedback_json, pa.string()),
            *(pa.nulls(len(readings), pa.string()) for _ in range(3)),
            pa.array([reading.own_ids for reading in readings], pa.bool_()),
            pa.array(list(map(telling_ids, readings)), ROWS.field("telling").type),
        ],
        schema=ROWS,
    )


def readings_in(rows: pa.RecordBatch) -> list[Reading]:
    """Return the readings that ``batch_of`` was given."""
    feedback_json = rows.column("feedback").to_pylist()
    own_ids = rows.column("own_ids").to_pylist()
    return [
        Reading(conversation, feedback.from_json(value), own_ids=bool(own))
        for conversation, value, own in zip(conversations_in(rows), feedback_json, own_ids, strict=True)
    ]
