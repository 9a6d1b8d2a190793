"""Reads a chat-log file into the collection: detect, read, reject with a reason, append."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TextIO

from task_generators.chat_logs.licences import NOTHING_SAID, Licences
from task_generators.chat_logs.readers import READERS, RowError
from task_generators.chat_logs.redact import redact
from task_generators.chat_logs.rows import open_rows
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path
    from types import ModuleType

    from task_generators.chat_logs.rows import Row
    from workspaces.collection import Collection
    from workspaces.privacy.redaction import Redactor
    from workspaces.records import Conversation

BATCH = 1000
"""Conversations appended at once: a killed run loses at most this many, and the next one reads them again."""


@dataclass(slots=True)
class Ingested:
    """What became of a file's rows: ``read = added + duplicates + deleted + rejected``.

    ``deleted`` ones were deleted at their giver's wish once and are not taken in again.

    ``redactions`` counts placeholders by type, over all rows that could be read, those known already included.
    """

    format: str = ""
    read: int = 0
    added: int = 0
    duplicates: int = 0
    deleted: int = 0
    rejected: int = 0
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
    licences: Licences = NOTHING_SAID,
    advance: Callable[[int], None] = lambda _: None,
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
        licences: what the lead says of sources that name no licence.
        advance: told how many rows were read since the last call.

    Raises:
        UsageError: the file cannot be opened, holds nothing, or no reader knows its columns.
    """
    result = Ingested()
    reader: ModuleType | None = None
    batch: list[tuple[Row, Conversation]] = []
    with _Rejects(rejects, result) as reject:
        for row in open_rows(path):
            result.read += 1
            advance(1)
            if row.value is None:
                reject(row, row.problem or "not readable")
                continue
            if reader is None and (reader := _detect(row.value)) is not None:
                result.format = reader.NAME
            if reader is None:
                reject(row, f"unknown columns: {', '.join(sorted(row.value)[:12])}")
                continue
            try:
                conversation, counts = redact(reader.read(row.value), redactor)
            except RowError as error:
                reject(row, str(error))
                continue
            except RecursionError:
                reject(row, "nested too deeply")
                continue
            giver = conversation.giver_id
            conversation = replace(conversation, giver_id=giver_id_of(giver) if giver else None)
            conversation = licences.fill(conversation)
            for kind, count in counts.items():
                result.redactions[kind] = result.redactions.get(kind, 0) + count
            batch.append((row, conversation))
            if len(batch) == BATCH:
                _append(batch, collection, result, reject, now, delay)
        _append(batch, collection, result, reject, now, delay)
    if result.read == 0:
        raise UsageError(f"{path} holds no conversation")
    if reader is None:
        wanted = "; ".join(f"{known.NAME} has {', '.join(sorted(known.COLUMNS))}" for known in READERS)
        raise UsageError(f"{path}: no reader knows its columns. Known: {wanted}")
    return result


class _Rejects:
    def __init__(self, path: Path, result: Ingested) -> None:
        self._path = path
        self._result = result
        self._file: TextIO | None = None

    def __enter__(self) -> _Rejects:
        return self

    def __call__(self, row: Row, reason: str) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            self._result.rejects_file = str(self._path)
        self._result.rejected += 1
        kind = reason.split(":")[0]
        self._result.reasons[kind] = self._result.reasons.get(kind, 0) + 1
        self._file.write(
            json.dumps({"line": row.number, "reason": reason}) + "\n"
        )  # ASCII: any name can be written

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _append(
    batch: list[tuple[Row, Conversation]],
    collection: Collection,
    result: Ingested,
    reject: _Rejects,
    now: datetime,
    delay: timedelta,
) -> None:
    appended = collection.append([conversation for _, conversation in batch], now=now, delay=delay)
    result.added += appended.added
    result.duplicates += appended.duplicates
    result.deleted += appended.deleted
    for position in appended.conflicting:
        reject(batch[position][0], "its conversation_id stands in the collection with another text")
    batch.clear()


def _detect(row: Mapping[str, object]) -> ModuleType | None:
    return next((reader for reader in READERS if row.keys() >= reader.COLUMNS), None)
