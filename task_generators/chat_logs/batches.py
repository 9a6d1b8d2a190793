"""What the stages of ingest hand on: conversations as an Arrow batch, and what was left out on the way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from task_generators.chat_logs.readers import Feedback, Reading
from workspaces.collection.files import SCHEMA, conversations_in, to_batch
from workspaces.records import TaskKind

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = pa.schema([*SCHEMA, ("line", pa.int64()), ("feedback", pa.string()), ("redactions", pa.string())])
"""The collection's columns (``user_id`` still by its name in the file), then the line that a conversation stands
in, the feedback that came with it and the number of placeholders by type, both as JSON or null."""


@dataclass(frozen=True, slots=True)
class RowOmission:
    """A row that does not go on. ``kind`` is ``rejected`` (cannot be read) or ``cleaned`` (by a cleaning rule)."""

    line: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows with the columns of ``ROWS``, and those left out so far. Shares nothing with any other batch.

    ``merged`` counts rows of the source that are part of another row's conversation.
    """

    rows: pa.RecordBatch
    left_out: tuple[RowOmission, ...] = ()
    format: str | None = None
    merged: int = 0

    def without(self, left_out: Sequence[RowOmission]) -> Batch:
        """Return the batch without these rows, and with the account of why."""
        if not left_out:
            return self
        gone = {each.line for each in left_out}
        kept = [index for index, line in enumerate(self.rows.column("line").to_pylist()) if line not in gone]
        return replace(
            self, rows=self.rows.take(pa.array(kept, pa.int64())), left_out=(*self.left_out, *left_out)
        )

    def with_column(self, name: str, values: Any) -> Batch:
        """Return the batch with one column replaced."""
        index = self.rows.schema.get_field_index(name)
        field = ROWS.field(name)
        column = values if isinstance(values, pa.Array) else pa.array(values, field.type)
        return replace(self, rows=self.rows.set_column(index, field, column))


def batch_of(lines: Sequence[int], readings: Sequence[Reading]) -> pa.RecordBatch:
    """Return readings as rows.

    Raises:
        UnicodeEncodeError: a text holds what UTF-8 cannot.
    """
    rows = to_batch([reading.conversation for reading in readings])
    feedback = [_feedback_json(reading.feedback) for reading in readings]
    return pa.RecordBatch.from_arrays(
        [
            *rows.columns,
            pa.array(lines, pa.int64()),
            pa.array(feedback, pa.string()),
            pa.nulls(len(readings), pa.string()),
        ],
        schema=ROWS,
    )


def readings_in(rows: pa.RecordBatch) -> list[Reading]:
    """Return the rows as readings, as ``batch_of`` was given them."""
    given = zip(conversations_in(rows), rows.column("feedback").to_pylist(), strict=True)
    return [Reading(conversation, feedback_in(feedback)) for conversation, feedback in given]


def feedback_in(value: str | None) -> tuple[Feedback, ...]:
    """Return the feedback of one row."""
    return tuple(
        Feedback(
            rater=each["rater"],
            kind=TaskKind(each["kind"]),
            message_ids=tuple(each["message_ids"]),
            values=each["values"],
            at=None if each["at"] is None else datetime.fromisoformat(each["at"]),
        )
        for each in json.loads(value or "[]")
    )


def _feedback_json(feedback: tuple[Feedback, ...]) -> str | None:
    if not feedback:
        return None
    return json.dumps([asdict(each) | {"at": each.at.isoformat() if each.at else None} for each in feedback])
