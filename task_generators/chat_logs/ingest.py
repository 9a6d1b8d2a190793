"""Reads a chat-log file into the collection: workers read, clean, redact and tag; this process appends."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TextIO

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS, Batch, feedback_in
from task_generators.chat_logs.curation import tag
from task_generators.chat_logs.grouping import grouped
from task_generators.chat_logs.licences import NOTHING_SAID, Licences
from task_generators.chat_logs.readers import READERS, detect, named
from task_generators.chat_logs.sources.chunks import Chunk, chunks_of
from task_generators.chat_logs.sources.companion import joined
from task_generators.chat_logs.sources.source import Source
from task_generators.chat_logs.stages import Plan
from task_generators.chat_logs.workers import LocalWorkers
from workspaces.collection.files import SCHEMA
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path
    from types import ModuleType

    from task_generators.chat_logs.imported import Attached
    from task_generators.chat_logs.sources.rows import Row
    from task_generators.chat_logs.workers import Workers
    from workspaces.collection import Collection
    from workspaces.privacy.redaction import Redactor

BATCH = 10_000
"""Conversations appended at once: a killed run loses at most this many, and the next one reads them again."""

CONFLICT = "its conversation_id stands in the collection with another text"
FOREIGN = "its conversation_id stands in the collection from another giver, source or licence"
FRAGMENT = (
    "the message that it answers is not in the collection: read the file with the beginning of its conversation, "
    "then this one again"
)
DELETED = "was deleted at its giver's wish"


@dataclass(slots=True)
class Ingested:
    """What became of a file's rows: ``read = added + grown + duplicates + deleted + rejected + cleaned + merged``.

    ``grown`` ones brought new messages to a conversation of their id; ``deleted`` ones were deleted at their giver's
    wish once and are not taken in again.

    ``merged`` rows are part of another row's conversation, such as the messages of a tree; ``feedback`` counts
    people's judgments that came with the conversations and were not known.

    ``redactions`` counts placeholders by type, over all rows that could be read, those known already included;
    ``near_duplicates`` are those added or grown that resemble another conversation; ``reasons`` says why rows were
    rejected or cleaned away.
    """

    format: str = ""
    read: int = 0
    added: int = 0
    grown: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    deleted: int = 0
    rejected: int = 0
    cleaned: int = 0
    merged: int = 0
    feedback: int = 0
    redactions: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    rejects_file: str | None = None
    _reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def leave_out(self, kind: str, reason: str) -> None:
        """Count a row that does not enter; ``kind`` is ``rejected`` or ``cleaned``."""
        if kind == "cleaned":
            self.cleaned += 1
        else:
            self.rejected += 1
        said = reason.split(":")[0]
        self.reasons[said] = self.reasons.get(said, 0) + 1
        self._reasons[kind, said] += 1

    def left_out(self) -> dict[tuple[str, str], int]:
        """Return how many rows did not enter, by kind (``rejected``, ``cleaned``, ``deleted``) and reason.

        Duplicates are not among them: what they say stands in the collection.
        """
        deleted = {("deleted", DELETED): self.deleted} if self.deleted else {}
        return {**self._reasons, **deleted}


def ingest(
    source: Path | str | Source,
    collection: Collection,
    *,
    rejects: Path,
    giver_id_of: Callable[[str], str],
    now: datetime,
    delay: timedelta,
    redactor: Redactor,
    licences: Licences = NOTHING_SAID,
    advance: Callable[[int], None] = lambda _: None,
    workers: Workers | None = None,
    meet: Callable[[Iterable[str]], None] = lambda _: None,
    format_name: str | None = None,
    keep_feedback: Callable[[Sequence[Attached]], int] = lambda _: 0,
) -> Ingested:
    """Append the conversations of a file that are new, and what is new in those that are known.

    Running it again adds nothing.

    Args:
        source: a file, folder or dataset of the hub; its kind is told from its name and its format from the
            columns of its first row.
        collection: where they go.
        rejects: the JSONL file that rows which cannot be read are written to, with line and reason; it is
            not created when there are none.
        giver_id_of: maps the file's ``user_id`` to a pseudonym.
        now: this moment.
        delay: how long a conversation is held before it is shared.
        redactor: takes personal data and secrets out before anything is stored.
        licences: what the lead says of sources that name no licence.
        advance: told how many rows were read since the last call.
        workers: who runs the stages; processes on this machine unless told otherwise.
        format_name: the format, where it is not to be told from the columns.
        keep_feedback: stores the feedback of conversations that are in the collection, and returns how much of it
            was new.
        meet: told which names ``giver_id_of`` is going to be asked for, so that it can look them up together.

    Raises:
        UsageError: the file cannot be opened, holds nothing, or no reader knows its columns.
    """
    result = Ingested()
    source = source if isinstance(source, Source) else Source(source)
    known = _Known(source, redactor, format_name)
    with _Rejects(rejects, result, source) as reject:
        appending = _Appending(collection, result, reject, now, delay, keep_feedback)
        try:
            for batch in (workers or LocalWorkers()).run(known.work()):
                size = batch.rows.num_rows + len(batch.left_out) + batch.merged
                result.merged += batch.merged
                result.read += size
                advance(size)
                for each in sorted(batch.left_out, key=lambda it: it.line):
                    reject(each.line, each.kind, each.reason)
                _count(batch, result.redactions)
                appending.add(licences.fill(_with_pseudonyms(batch.rows, giver_id_of, meet)))
        except UsageError:  # the file is damaged further on: what was read until there is kept
            appending.finish()
            raise
        appending.finish()
    result.format = known.format or ""
    if result.read == 0:
        raise UsageError(f"{source.address} holds no conversation")
    if known.format is None:
        formats = ", ".join(sorted(each.NAME for each in READERS))
        raise UsageError(
            f"{source.address}: no reader knows its rows ({reject.first}). If it is one of these formats, name it with "
            f"--format: {formats}"
        )
    return result


class _Known:
    """Finds out a file's format while its chunks are handed out."""

    def __init__(self, source: Source, redactor: Redactor, format_name: str | None) -> None:
        self._source = source
        self._redactor = redactor
        self.format = None if format_name is None else str(named(format_name).NAME)

    def work(self) -> Iterator[tuple[Plan, Chunk]]:
        chunks = chunks_of(self._source.packed())
        if self.format is None:
            plan = Plan.of(None, 0, self._redactor)
            for chunk in chunks:
                if (start := self._detect(chunk)) is not None:
                    if before := chunk.before(start):
                        yield Plan.of(self.format, start, self._redactor), before
                    chunks = chain([chunk.since(start)], chunks)
                    break
                yield plan, chunk
        if self.format is not None:
            plan = Plan.of(self.format, 0, self._redactor)
            yield from ((plan, chunk) for chunk in self._prepared(chunks, named(self.format)))

    def _detect(self, chunk: Chunk) -> int | None:
        """Return the number of the first row that a reader knows."""
        for row in chunk:
            if row.value is not None and (reader := detect(row.value)) is not None:
                self.format = reader.NAME
                return row.number
        return None

    def _prepared(self, chunks: Iterator[Chunk], reader: ModuleType) -> Iterator[Chunk]:
        """Yield chunks with what a row needs from elsewhere: its companion, the other rows of its conversation."""
        companion = joined(self._source, reader)
        if companion is None and not hasattr(reader, "group_key"):
            return chunks
        rows: Iterator[Row] = (row for chunk in chunks for row in chunk)
        if companion is not None:
            rows = (companion(row) for row in rows)
        return chunks_of(grouped(rows, reader) if hasattr(reader, "group_key") else rows)


class _Rejects:
    def __init__(self, path: Path, result: Ingested, source: Source) -> None:
        self._path = path
        self._result = result
        self._source = source
        self._file: TextIO | None = None
        self.first = ""
        """Why the first row was left out."""

    def __enter__(self) -> _Rejects:
        return self

    def __call__(self, line: int, kind: str, reason: str) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            self._result.rejects_file = str(self._path)
            self.first = reason
        self._result.leave_out(kind, reason)
        place = self._source.place(line)
        self._file.write(json.dumps({**place, "reason": reason}) + "\n")  # ASCII: any name can be written

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class _Appending:
    """Appends rows in equal portions, whatever the size of the batches they come in."""

    def __init__(
        self,
        collection: Collection,
        result: Ingested,
        reject: _Rejects,
        now: datetime,
        delay: timedelta,
        keep_feedback: Callable[[Sequence[Attached]], int],
    ) -> None:
        self._collection = collection
        self._result = result
        self._reject = reject
        self._now = now
        self._delay = delay
        self._keep_feedback = keep_feedback
        self._waiting: list[pa.RecordBatch] = []
        self._size = 0

    def add(self, rows: pa.RecordBatch) -> None:
        self._waiting.append(rows)
        self._size += rows.num_rows
        while self._size >= BATCH:
            table = pa.Table.from_batches(self._waiting, schema=ROWS)
            self._append(table.slice(0, BATCH))
            self._waiting = table.slice(BATCH).to_batches()
            self._size -= BATCH

    def finish(self) -> None:
        if self._size:
            self._append(pa.Table.from_batches(self._waiting, schema=ROWS))
        self._waiting, self._size = [], 0

    def _append(self, table: pa.Table) -> None:
        appended = self._collection.append_table(
            table.select(SCHEMA.names), now=self._now, delay=self._delay, measure=_tagged
        )
        self._result.added += appended.added
        self._result.grown += appended.grown
        self._result.duplicates += appended.duplicates
        self._result.near_duplicates += appended.near_duplicates
        self._result.deleted += len(appended.deleted)
        lines = table.column("line")
        for positions, reason in (
            (appended.conflicting, CONFLICT),
            (appended.foreign, FOREIGN),
            (appended.fragments, FRAGMENT),
        ):
            for position in positions:
                self._reject(lines[position].as_py(), "rejected", reason)
        self._result.feedback += self._keep_feedback(_attached(table, appended.refused))


def _tagged(rows: pa.RecordBatch) -> pa.RecordBatch:
    return tag(Batch(rows)).rows


def _with_pseudonyms(
    rows: pa.RecordBatch, giver_id_of: Callable[[str], str], meet: Callable[[Iterable[str]], None]
) -> pa.RecordBatch:
    names = rows.column("user_id").to_pylist()
    if not any(names):
        return rows
    meet(dict.fromkeys(name for name in names if name))
    people = [giver_id_of(name) if name else None for name in names]
    index = rows.schema.get_field_index("user_id")
    return rows.set_column(index, ROWS.field("user_id"), pa.array(people, pa.string()))


def _count(batch: Batch, redactions: dict[str, int]) -> None:
    for counts in batch.rows.column("redactions").drop_null().to_pylist():
        for kind, count in json.loads(counts).items():
            redactions[kind] = redactions.get(kind, 0) + count


def _attached(table: pa.Table, refused: set[int]) -> list[Attached]:
    """Return the feedback of rows that the collection did not refuse."""
    given = table.column("feedback")
    if given.null_count == len(given):
        return []
    ids = table.column("conversation_id")
    return [
        (ids[position].as_py(), feedback_in(value))
        for position, value in enumerate(given.to_pylist())
        if value is not None and position not in refused
    ]
