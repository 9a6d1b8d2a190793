"""Reads chat logs into the collection: workers read, clean, redact and tag chunks; this process appends the rows."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.appending import RowAppender, accepted
from task_generators.chat_logs.batches import ROWS, Batch
from task_generators.chat_logs.curation import tag
from task_generators.chat_logs.imported import Kept
from task_generators.chat_logs.ingested import Ingested, OmittedRows
from task_generators.chat_logs.licences import NONE_DECLARED, Licences
from task_generators.chat_logs.mapping import check_mapping
from task_generators.chat_logs.readers.columns import UNREAD
from task_generators.chat_logs.rejects import RejectsFile
from task_generators.chat_logs.sources import Source, plan
from task_generators.chat_logs.stages import process, size_of, work_of
from task_generators.chat_logs.unknown import unknown_format
from workspaces.errors import UsageError
from workspaces.workers import LocalWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from task_generators.chat_logs.imported import Attached
    from workspaces.collection import Collection
    from workspaces.privacy.redaction import Redactor
    from workspaces.store.conversations import Accepted
    from workspaces.workers import Workers


def ingest(
    source: Path | str | Source,
    collection: Collection,
    *,
    rejects: Path,
    giver_id_of: Callable[[str], str],
    key: Callable[[str], str],
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
        key: returns the keyed id that stands for an id of the log which tells whose it is.
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
        UsageError: the source cannot be opened, is empty, or no reader knows its columns. Where some rows were read
            before a damaged place, ``damage`` of the result says what is damaged.
        ConfigurationError: a mapped column is missing.
    """
    result = Ingested()
    source = source if isinstance(source, Source) else Source(source)
    check_mapping(source)
    source_plan = plan(source, format_name, ignored)
    with RejectsFile(rejects, source) as rejects_file:
        omitted = OmittedRows(result, rejects_file)
        appender = RowAppender(
            partial(
                collection.append_table, now=now, delay=delay, from_receipt=from_receipt, measure=_tagged
            ),
            collection,
            result,
            omitted,
            keep_feedback,
            publish,
            redactor.earlier,
            key,
        )
        try:
            for batch in (workers or LocalWorkers()).run(process, work_of(source_plan, redactor), size_of):
                size = batch.rows.num_rows + len(batch.omissions) + batch.merged
                result.merged += batch.merged
                result.losses.update(batch.losses)
                result.read += size
                advance(size)
                for omission in sorted(batch.omissions, key=lambda omission: omission.line):
                    omitted.add(omission.line, omission.kind, omission.reason)
                _count_redactions(batch, result.redactions)
                result.own_ids += batch.rows.column("own_ids").true_count
                appender.add(licences.fill(_with_pseudonyms(batch.rows, giver_id_of, meet)))
        except UsageError as error:  # the source is damaged further on: the rows read before that are kept
            if not result.read or source_plan.format is None:
                raise
            result.damage = str(error)
        appender.finish()
    for name in source.skipped:
        result.losses.add(UNREAD, f"file {name}")
    result.links_out = source.links_out
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
