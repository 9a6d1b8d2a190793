"""Reads chat logs into the collection: workers read, clean, redact and tag chunks; this process appends the rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS, Batch
from task_generators.chat_logs.curation import redact_again, tag
from task_generators.chat_logs.imported import Kept
from task_generators.chat_logs.licences import NONE_DECLARED, Licences
from task_generators.chat_logs.losses import UNITS, Losses
from task_generators.chat_logs.mapping import check_mapping
from task_generators.chat_logs.namesakes import by_first_message, by_text, renamed
from task_generators.chat_logs.readers.columns import NOT_UNDERSTOOD, UNREAD
from task_generators.chat_logs.rejects import RejectsFile
from task_generators.chat_logs.sources import Source, plan
from task_generators.chat_logs.stages import process, size_of, work_of
from task_generators.chat_logs.stored_ids import attached, under_stored_ids
from task_generators.chat_logs.unknown import unknown_format
from workspaces.collection.files import SCHEMA
from workspaces.errors import UsageError
from workspaces.store.conversations import Accepted
from workspaces.store.omissions import Omission
from workspaces.workers import LocalWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence, Set
    from datetime import datetime, timedelta
    from pathlib import Path

    from task_generators.chat_logs.imported import Attached
    from workspaces.collection import Collection
    from workspaces.collection.appender import Appended
    from workspaces.privacy.redaction import Redactor
    from workspaces.workers import Workers

BATCH = 10_000
"""Conversations appended at once: a killed run loses at most this many, and the next run reads them again."""

BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of conversations appended at once, when fewer of them have more: they are held in memory."""

CONFLICT = "its conversation_id stands in the collection with another text"
FOREIGN = "its conversation_id stands in the collection from another giver, source or licence"
FRAGMENT = (
    "the message that it answers is not in the collection: read the file with the beginning of its conversation, "
    "then this one again"
)
DELETED = "was deleted at its giver's wish"


@dataclass(slots=True)
class Ingested:
    """Counts of a source's rows: ``read = added + grown + duplicates + deleted + rejected + cleaned + merged``.

    ``grown`` rows added messages to a stored conversation of their id; ``deleted`` ones were deleted at their
    giver's wish before, and are not added again.

    ``merged`` rows are part of another row's conversation, such as the messages of a tree; ``feedback`` counts
    people's judgments that came with the conversations and were not stored yet.

    ``redactions`` counts placeholders by type, over all readable rows, duplicates included; ``near_duplicates``
    are those added or grown that resemble another conversation; ``reasons`` counts the rejected and cleaned rows
    by reason; ``namesakes`` are the rows whose id stood for another conversation, and that go by their text;
    ``losses`` counts what of the rows that were read is not kept: values, and turns cut by cleaning.
    ``forgotten_feedback`` counts judgments of people who asked to be forgotten: they are not stored again.
    ``own_ids`` are the rows that gave their messages ids of their own; ``taken_apart`` counts stored conversations that
    shared message ids with others and do not any more, and ``shared_ids`` is a sentence about those that still do.
    ``published`` counts the conversations, new, grown and known ones, that were shared without waiting for the delay.
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
    forgotten_feedback: int = 0
    published: int = 0
    redactions: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    namesakes: int = 0
    own_ids: int = 0
    taken_apart: int = 0
    shared_ids: str | None = None
    rejects_file: str | None = None
    losses: Losses = field(default_factory=Losses)
    _reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def omit(self, kind: str, reason: str) -> None:
        """Count a row that does not enter the collection; ``kind`` is ``rejected`` or ``cleaned``."""
        if kind == "cleaned":
            self.cleaned += 1
        else:
            self.rejected += 1
        kind_of_reason = reason.split(":")[0]
        self.reasons[kind_of_reason] = self.reasons.get(kind_of_reason, 0) + 1
        self._reasons[kind, kind_of_reason] += 1

    @property
    def main_reason(self) -> str:
        """The reason for which most rows were rejected; empty if none was."""
        reasons = {reason: count for (kind, reason), count in self._reasons.items() if kind == "rejected"}
        return max(reasons, key=lambda reason: reasons[reason], default="")

    def omissions(self) -> list[Omission]:
        """Return what did not enter: rows by kind (``rejected``, ``cleaned``, ``deleted``) and reason, and losses.

        Duplicates are not among them: the collection holds their text.
        """
        rows = [Omission(kind, reason, count) for (kind, reason), count in self._reasons.items()]
        if self.deleted:
            rows.append(Omission("deleted", DELETED, self.deleted))
        return rows + [
            Omission(kind, what, lost.count, UNITS[kind], lost.example if kind == NOT_UNDERSTOOD else None)
            for (kind, what), lost in self.losses.counts.items()
        ]


def ingest(
    source: Path | str | Source,
    collection: Collection,
    *,
    rejects: Path,
    giver_id_of: Callable[[str], str],
    now: datetime,
    delay: timedelta,
    from_receipt: bool = False,
    redactor: Redactor,
    licences: Licences = NONE_DECLARED,
    advance: Callable[[int], None] = lambda _: None,
    workers: Workers | None = None,
    meet: Callable[[Iterable[str]], None] = lambda _: None,
    format_name: str | None = None,
    ignored: frozenset[str] = frozenset(),
    keep_feedback: Callable[[Sequence[Attached]], Kept] = lambda _: Kept(),
    publish: Callable[[Sequence[Accepted]], int] = lambda _: 0,
) -> Ingested:
    """Append the new conversations of a source to a collection, and the new messages of known ones.

    A second run adds nothing.

    Args:
        source: a file, folder or dataset of the hub. The name says the kind of file, the columns of the rows say
            the format.
        collection: the collection to append to.
        rejects: the JSONL file of the rows that did not enter, with line and reason; not created when there are
            none.
        giver_id_of: maps the log's ``user_id`` to a pseudonym.
        now: this moment.
        delay: how long a conversation is held before it is shared.
        from_receipt: count the delay from ``now``, whatever time a conversation names.
        redactor: removes personal data and secrets before anything is stored.
        licences: the licences that the lead declares for sources that name none.
        advance: receives the number of rows read since the last call.
        workers: runs the stages; None: processes on this machine.
        format_name: the format, to skip detection.
        ignored: columns that the lead does without, even if they hold judgments or messages.
        keep_feedback: stores the feedback on conversations that are in the collection, and returns how many
            judgments were new, and how many were of people who were forgotten.
        publish: receives the rows that stand in the collection now, and returns how many conversations it shared.
        meet: receives the names that ``giver_id_of`` will be called with, to look them up together.

    Raises:
        UsageError: the source cannot be opened, is empty, or no reader knows its columns.
        ConfigurationError: a mapped column is missing.
    """
    result = Ingested()
    source = source if isinstance(source, Source) else Source(source)
    check_mapping(source)
    source_plan = plan(source, format_name, ignored)
    with RejectsFile(rejects, source) as rejects_file:
        omissions = _Omissions(result, rejects_file)
        appending = _Appending(
            partial(
                collection.append_table, now=now, delay=delay, from_receipt=from_receipt, measure=_tagged
            ),
            collection,
            result,
            omissions,
            keep_feedback,
            publish,
            redactor.earlier,
        )
        try:
            for batch in (workers or LocalWorkers()).run(process, work_of(source_plan, redactor), size_of):
                size = batch.rows.num_rows + len(batch.omissions) + batch.merged
                result.merged += batch.merged
                result.losses.update(batch.losses)
                result.read += size
                advance(size)
                for omission in sorted(batch.omissions, key=lambda omission: omission.line):
                    omissions.add(omission.line, omission.kind, omission.reason)
                _count_redactions(batch, result.redactions)
                result.own_ids += batch.rows.column("own_ids").true_count
                appending.add(licences.fill(_with_pseudonyms(batch.rows, giver_id_of, meet)))
        except UsageError:  # the source is damaged further on: the rows read before that are kept
            appending.finish()
            raise
        appending.finish()
    for name in source.skipped:
        result.losses.add(UNREAD, f"file {name}")
    for path in source.beside_rows:
        result.losses.add(UNREAD, f"{path} (beside the rows)")
    result.format = source_plan.format or ""
    if result.read == 0:
        raise UsageError(f"{source.address} holds no conversation")
    if source_plan.format is None:
        raise unknown_format(source, rejects_file.first_reason)
    return result


def accepted_rows(
    source: Source, redactor: Redactor, giver_id_of: Callable[[str], str | None], workers: Workers
) -> Iterator[list[Accepted]]:
    """Yield the rows of a source by id, text and giver, as ``ingest`` would register them; nothing is stored.

    Raises:
        UsageError: the source cannot be opened, or no reader knows its columns.
        ConfigurationError: a mapped column is missing.
    """
    check_mapping(source)
    source_plan = plan(source)
    first_reason = ""
    for batch in workers.run(process, work_of(source_plan, redactor), size_of):
        first_reason = first_reason or next((omission.reason for omission in batch.omissions), "")
        rows = accepted(batch.rows)
        yield [row._replace(giver_id=giver_id_of(row.giver_id)) if row.giver_id else row for row in rows]
    if source_plan.format is None:
        raise unknown_format(source, first_reason)


class _Omissions:
    """Counts omitted rows, and writes them to the rejects file."""

    def __init__(self, result: Ingested, rejects_file: RejectsFile) -> None:
        self._result = result
        self._rejects_file = rejects_file

    def add(self, line: int, kind: str, reason: str) -> None:
        self._result.omit(kind, reason)
        self._rejects_file.write(line, reason)
        self._result.rejects_file = self._rejects_file.path


class _Appending:
    """Appends rows in portions of one size, whatever the size of the batches they come in."""

    def __init__(
        self,
        append: Callable[[pa.Table], Appended],
        collection: Collection,
        result: Ingested,
        omissions: _Omissions,
        keep_feedback: Callable[[Sequence[Attached]], Kept],
        publish: Callable[[Sequence[Accepted]], int],
        earlier: Redactor | None,
    ) -> None:
        self._earlier = earlier
        self._append_rows = append
        self._collection = collection
        self._result = result
        self._omissions = omissions
        self._keep_feedback = keep_feedback
        self._publish = publish
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
        if sum(batch.nbytes for batch in self._waiting) >= BATCH_BYTES:
            self.finish()

    def finish(self) -> None:
        if self._size:
            self._append(pa.Table.from_batches(self._waiting, schema=ROWS))
        self._waiting, self._size = [], 0

    def _append(self, table: pa.Table) -> None:
        """Append rows; namesakes of stored conversations under ids of their own."""
        table = self._under_earlier_ids(table)
        for new_id_of in (by_first_message, by_text, None):
            appended = self._append_under_ids(table, of_namesakes=new_id_of is None)
            if new_id_of is None or not appended.namesakes:
                return
            table = renamed(table, appended.namesakes, new_id_of)
            self._result.namesakes += 0 if new_id_of is by_text else len(appended.namesakes)

    def _append_under_ids(self, table: pa.Table, *, of_namesakes: bool) -> Appended:
        """Append rows under their ids, and count all but namesakes, unless these are the last to be counted."""
        table = under_stored_ids(table, self._collection)
        appended = self._stored(table)
        if known := self._known_as_redacted(table, sorted((*appended.conflicting, *appended.namesakes))):
            appended = replace(
                appended,
                conflicting=tuple(it for it in appended.conflicting if it not in known),
                namesakes=tuple(it for it in appended.namesakes if it not in known),
            )
        self._count(table, appended, appended.refused | known)
        lines = table.column("line")
        for positions, reason in (
            (appended.conflicting, CONFLICT),
            (appended.namesakes if of_namesakes else (), CONFLICT),
            (appended.foreign, FOREIGN),
            (appended.fragments, FRAGMENT),
        ):
            for position in positions:
                self._omissions.add(lines[position].as_py(), "rejected", reason)
        return appended

    def _under_earlier_ids(self, table: pa.Table) -> pa.Table:
        """Return rows with the ids under which they were stored while more names were denied, where they were."""
        if table.column("earlier_id").null_count == table.num_rows:
            return table
        ids, then, hashes = (
            table.column(name).to_pylist() for name in ("conversation_id", "earlier_id", "earlier_hash")
        )
        known = self._collection.known({*filter(None, then), *ids})
        by_content = self._collection.ids_of(set(filter(None, hashes)))
        older = {
            ids[it]: then[it] if then[it] in known else by_content[hashes[it]]
            for it in range(len(ids))
            if ids[it] not in known and (then[it] in known or hashes[it] in by_content)
        }
        if not older:
            return table
        chosen = [it for it, name in enumerate(ids) if name in older]
        others = pa.array(sorted(set(range(len(ids))).difference(chosen)), pa.int64())
        changed = renamed(table, chosen, lambda row: older[row["conversation_id"]])
        return pa.concat_tables([table.take(others), changed])

    def _known_as_redacted(self, table: pa.Table, positions: Sequence[int]) -> set[int]:
        """Append rows that contradict stored ones as they were while more names were denied; return which fitted.

        A name that is not denied any more stands in the log, and its placeholder in what is stored.
        """
        if self._earlier is None or not positions:
            return set()
        chosen = table.take(pa.array(positions, pa.int64()))
        (rows,) = chosen.select(SCHEMA.names).combine_chunks().to_batches()
        batch, changed = redact_again(rows, self._earlier)
        mask = pa.array(changed, pa.bool_())
        kept = [position for position, is_changed in zip(positions, changed, strict=True) if is_changed]
        if not kept:
            return set()
        older = pa.Table.from_batches([tag(batch).rows.filter(mask)], schema=ROWS)
        for name in ("line", "feedback"):
            older = older.set_column(
                ROWS.get_field_index(name), ROWS.field(name), chosen.filter(mask).column(name)
            )
        appended = self._stored(older)
        self._count(older, appended, appended.refused)
        return {position for index, position in enumerate(kept) if index not in appended.refused}

    def _stored(self, table: pa.Table) -> Appended:
        return self._append_rows(table.select(SCHEMA.names))

    def _count(self, table: pa.Table, appended: Appended, refused: set[int]) -> None:
        """Count what became of rows, and keep the feedback of those that were not ``refused``."""
        self._result.added += appended.added
        self._result.grown += appended.grown
        self._result.duplicates += appended.duplicates
        self._result.near_duplicates += appended.near_duplicates
        self._result.deleted += len(appended.deleted)
        kept = self._keep_feedback(attached(table, refused, self._collection))
        self._result.feedback += kept.added
        self._result.forgotten_feedback += kept.forgotten
        self._result.published += self._publish(accepted(table, refused, appended.pieces))


def accepted(
    table: pa.Table | pa.RecordBatch, refused: Set[int] = frozenset(), pieces: Set[int] = frozenset()
) -> list[Accepted]:
    """Return the rows that were not refused, by id, text and giver; see ``Appended.pieces``."""
    ids, hashes, givers = (
        table.column(name).to_pylist() for name in ("conversation_id", "content_hash", "user_id")
    )
    rows = enumerate(zip(ids, hashes, givers, strict=True))
    return [
        Accepted(name, content, giver, position in pieces)
        for position, (name, content, giver) in rows
        if position not in refused
    ]


def _tagged(rows: pa.RecordBatch) -> pa.RecordBatch:
    return tag(Batch(rows)).rows


def _with_pseudonyms(
    rows: pa.RecordBatch, giver_id_of: Callable[[str], str], meet: Callable[[Iterable[str]], None]
) -> pa.RecordBatch:
    names = rows.column("user_id").to_pylist()
    if not any(names):
        return rows
    meet(dict.fromkeys(name for name in names if name))
    pseudonyms = [giver_id_of(name) if name else None for name in names]
    index = rows.schema.get_field_index("user_id")
    return rows.set_column(index, ROWS.field("user_id"), pa.array(pseudonyms, pa.string()))


def _count_redactions(batch: Batch, redactions: dict[str, int]) -> None:
    for counts in batch.rows.column("redactions").drop_null().to_pylist():
        for kind, count in json.loads(counts).items():
            redactions[kind] = redactions.get(kind, 0) + count
