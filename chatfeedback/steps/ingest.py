"""Reads chat logs into the collection, and counts the collection."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.diagnosis import unknown_columns
from chatfeedback.steps.publish import publish_rows
from chatfeedback.steps.redact import redactor_of
from chatfeedback.steps.redaction_state import check_redaction
from chatfeedback.steps.shared_ids import take_apart
from task_generators.chat_logs import (
    Checked,
    Licences,
    Source,
    check,
    ingest,
    keep_feedback,
)
from workspaces.collection.statistics import statistics
from workspaces.dask_workers import DaskWorkers
from workspaces.errors import ConfigurationError, UsageError
from workspaces.privacy import CHAT_LOG
from workspaces.store import omissions
from workspaces.store.tombstones import buried_judgments
from workspaces.workers import LocalWorkers
from workspaces.workspace import LOCK_TIMEOUT_SECONDS, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from chatfeedback.steps.advance import Advance
    from task_generators.chat_logs import Ingested
    from workspaces.collection.statistics import CollectionStatistics
    from workspaces.workspace import Workspace


AGREED = "the givers agreed, says the lead (ingest --publish)"
"""What the history of consent says of conversations that ``publish`` shares."""


def ingest_file(
    workspace: Workspace,
    address: Path | str,
    *,
    format_name: str | None = None,
    publish: bool = False,
    from_receipt: bool = False,
    licence: str | None = None,
    scheduler: str | None = None,
    processes: int | None = None,
    ignored: frozenset[str] = frozenset(),
    encoding: str | None = None,
    advance: Advance = ignore,
    wait_seconds: float = LOCK_TIMEOUT_SECONDS,
) -> Ingested:
    """Read chat logs into the collection, and the human feedback in them into the store.

    Args:
        workspace: whose collection.
        address: a file, a folder, or ``hf:OWNER/NAME``.
        format_name: the format; None: it is detected from the columns.
        publish: the givers agreed to share the conversations without a delay, says the lead; those that are known
            and still held, too. Private ones stay private.
        from_receipt: count the delay from now on, whatever time a conversation names: strangers wrote it.
        licence: the licence of conversations that name none.
        scheduler: the address of a Dask scheduler whose workers do the work; None: ``processes`` processes on this
            machine.
        processes: the number of processes without a scheduler; None: one for each core.
        encoding: that of text files; None: UTF-8, or what a byte order mark says.
        ignored: columns to do without, even if they hold judgments or messages that no reader takes.
        advance: called with the number of rows read since the last call.
        wait_seconds: how long it waits for another step that writes.
    """
    _check_columns(workspace)
    pseudonyms = workspace.pseudonyms
    person_id_of = pseudonyms.on_platform(CHAT_LOG)

    def meet(names: Iterable[str]) -> None:
        pseudonyms.meet(CHAT_LOG, names)

    now = utc_now()
    met: Counter[str] = Counter()
    source = Source(address, workspace.config.chat_logs.csv_columns, encoding)
    sources = workspace.config.sources
    with workspace.exclusive(wait_seconds):
        check_redaction(workspace)
        workspace.collection.clear_leftovers()
        ingested = ingest(
            source,
            workspace.collection,
            rejects=workspace.path / "rejects" / f"{source.name}.jsonl",
            giver_id_of=person_id_of,
            key=pseudonyms.keyed_id,
            meet=meet,
            now=now,
            delay=timedelta(hours=workspace.config.consent.delay_hours),
            from_receipt=from_receipt,
            redactor=redactor_of(workspace),
            licences=Licences(licence, {name: settings.licence for name, settings in sources.items()}),
            workers=DaskWorkers(scheduler) if scheduler else LocalWorkers(processes),
            advance=advance,
            format_name=format_name,
            ignored=ignored,
            keep_feedback=lambda attached: keep_feedback(
                workspace.store, attached, person_id_of, now, meet, met, partial(_forgotten, workspace)
            ),
            publish=lambda rows: publish_rows(workspace, rows, AGREED) if publish else 0,
        )
        if ingested.own_ids:
            ingested.taken_apart, shared = take_apart(workspace)
            ingested.shared_ids = shared.sentence() if shared else None
        workspace.collection.share_due(utc_now())
        with workspace.store.write() as connection:
            omissions.save(connection, source.name, ingested.omissions(), now)
    return ingested


def _check_columns(workspace: Workspace) -> None:
    for fault in unknown_columns(workspace):
        raise ConfigurationError(fault)


def _forgotten(workspace: Workspace, judgments: Sequence[tuple[str, str]]) -> list[bool]:
    """Return for each (name of a rater, task id) whether the rater asked to be forgotten after that judgment."""
    digests = [
        workspace.tombstones.hash_of_judgment(workspace.pseudonyms.digest(CHAT_LOG, rater), task_id)
        for rater, task_id in judgments
    ]
    with workspace.store.read() as connection:
        buried = buried_judgments(connection, digests)
    return [digest in buried for digest in digests]


def check_file(
    workspace: Workspace,
    address: Path | str,
    *,
    format_name: str | None = None,
    scheduler: str | None = None,
    processes: int | None = None,
    ignored: frozenset[str] = frozenset(),
    encoding: str | None = None,
    advance: Advance = ignore,
) -> Checked:
    """Look at chat logs as ``ingest_file`` would read them, and store nothing; the arguments are the same.

    Raises:
        UsageError: the source cannot be opened, or is empty.
    """
    _check_columns(workspace)
    source = Source(address, workspace.config.chat_logs.csv_columns, encoding)
    checked = check(
        source,
        redactor_of(workspace),
        format_name=format_name,
        ignored=ignored,
        advance=advance,
        workers=DaskWorkers(scheduler) if scheduler else LocalWorkers(processes),
    )
    if checked.read == 0:
        raise UsageError(f"{source.address} holds no conversation")
    return checked


def count_collection(workspace: Workspace, *, advance: Advance = ignore) -> CollectionStatistics:
    """Compute the statistics of the collection; ``advance`` is called with the number of conversations counted."""
    return statistics(workspace.collection, workspace.store, advance)
