"""Reads a chat-log file into the collection: workers read, clean, redact and tag; this process appends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS
from task_generators.chat_logs.chunks import Chunk, open_chunks
from task_generators.chat_logs.readers import READERS
from task_generators.chat_logs.stages import Plan
from task_generators.chat_logs.workers import LocalWorkers
from workspaces.collection.parts import SCHEMA
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path
    from types import ModuleType

    from task_generators.chat_logs.batches import Batch
    from task_generators.chat_logs.workers import Workers
    from workspaces.collection import Collection
    from workspaces.privacy.redaction import Redactor

BATCH = 10_000
"""Conversations appended at once: a killed run loses at most this many, and the next one reads them again."""

CONFLICT = "its conversation_id stands in the collection with another text"


@dataclass(slots=True)
class Ingested:
    """What became of a file's rows: ``read = added + duplicates + rejected + cleaned``.

    ``redactions`` counts placeholders by type, over all rows that could be read, those known already included;
    ``near_duplicates`` are those added that resemble another conversation; ``reasons`` says why rows were
    rejected or cleaned away.
    """

    format: str = ""
    read: int = 0
    added: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    rejected: int = 0
    cleaned: int = 0
    redactions: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    rejects_file: str | None = None


def ingest(
    path: Path,
    collection: Collection,
    *,
    rejects: Path,
    giver_id_of: Callable[[str], str],
    now: datetime,
    delay: timedelta,
    redactor: Redactor,
    advance: Callable[[int], None] = lambda _: None,
    workers: Workers | None = None,
    meet: Callable[[Iterable[str]], None] = lambda _: None,
) -> Ingested:
    """Append the conversations of a file that are new; running it again adds nothing.

    Args:
        path: the file; its kind is told from its name and its format from the columns of its first row.
        collection: where they go.
        rejects: the JSONL file that rows which cannot be read are written to, with line and reason; it is
            not created when there are none.
        giver_id_of: maps the file's ``user_id`` to a pseudonym.
        now: this moment.
        delay: how long a conversation is held before it is shared.
        redactor: takes personal data and secrets out before anything is stored.
        advance: told how many rows were read since the last call.
        workers: who runs the stages; processes on this machine unless told otherwise.
        meet: told which names ``giver_id_of`` is going to be asked for, so that it can look them up together.

    Raises:
        UsageError: the file cannot be opened, holds nothing, or no reader knows its columns.
    """
    result = Ingested()
    known = _Known(path, redactor)
    with _Rejects(rejects, result) as reject:
        appending = _Appending(collection, result, reject, now, delay)
        for batch in (workers or LocalWorkers()).run(known.work()):
            size = batch.rows.num_rows + len(batch.left_out)
            result.read += size
            advance(size)
            for each in sorted(batch.left_out, key=lambda it: it.line):
                reject(each.line, each.kind, each.reason)
            _count(batch, result.redactions)
            appending.add(_with_pseudonyms(batch.rows, giver_id_of, meet))
        appending.finish()
    result.format = known.format or ""
    if result.read == 0:
        raise UsageError(f"{path} holds no conversation")
    if known.format is None:
        wanted = "; ".join(f"{each.NAME} has {', '.join(sorted(each.COLUMNS))}" for each in READERS)
        raise UsageError(f"{path}: no reader knows its columns. Known: {wanted}")
    return result


class _Known:
    """Finds out a file's format while its chunks are handed out."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._path = path
        self._redactor = redactor
        self.format: str | None = None

    def work(self) -> Iterator[tuple[Plan, Chunk]]:
        plan = Plan.of(None, 0, self._redactor)
        for chunk in open_chunks(self._path):
            if self.format is None:
                for row in chunk:
                    if row.value is not None and (reader := _detect(row.value)) is not None:
                        self.format = reader.NAME
                        plan = Plan.of(self.format, row.number, self._redactor)
                        break
            yield plan, chunk


class _Rejects:
    def __init__(self, path: Path, result: Ingested) -> None:
        self._path = path
        self._result = result
        self._file: TextIO | None = None

    def __enter__(self) -> _Rejects:
        return self

    def __call__(self, line: int, kind: str, reason: str) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            self._result.rejects_file = str(self._path)
        if kind == "cleaned":
            self._result.cleaned += 1
        else:
            self._result.rejected += 1
        said = reason.split(":")[0]
        self._result.reasons[said] = self._result.reasons.get(said, 0) + 1
        self._file.write(json.dumps({"line": line, "reason": reason}) + "\n")  # ASCII: any name can be written

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class _Appending:
    """Appends rows in equal portions, whatever the size of the batches they come in."""

    def __init__(
        self, collection: Collection, result: Ingested, reject: _Rejects, now: datetime, delay: timedelta
    ) -> None:
        self._collection = collection
        self._result = result
        self._reject = reject
        self._now = now
        self._delay = delay
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
        appended = self._collection.append_table(table.select(SCHEMA.names), now=self._now, delay=self._delay)
        self._result.added += appended.added
        self._result.duplicates += appended.duplicates
        self._result.near_duplicates += appended.near_duplicates
        lines = table.column("line")
        for position in appended.conflicting:
            self._reject(lines[position].as_py(), "rejected", CONFLICT)


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


def _detect(row: Mapping[str, object]) -> ModuleType | None:
    return next((reader for reader in READERS if row.keys() >= reader.COLUMNS), None)
