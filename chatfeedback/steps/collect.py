"""Chat logs into the collection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from task_generators.chat_logs import DaskWorkers, LocalWorkers, ingest
from workspaces.privacy.redaction import Redactor
from workspaces.store import left_out
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from chatfeedback.steps.advance import Advance
    from task_generators.chat_logs import Ingested
    from workspaces.workspace import Workspace

CHAT_LOG = "chat-log"
"""Stands for the platform of the names that chat logs give people."""


def ingest_file(
    workspace: Workspace,
    path: Path,
    *,
    publish: bool = False,
    scheduler: str | None = None,
    processes: int | None = None,
    advance: Advance = ignore,
) -> Ingested:
    """Read a chat-log file into the collection.

    Args:
        workspace: where to.
        path: the file.
        publish: its givers agreed to share it without a delay.
        scheduler: the address of a Dask scheduler whose workers do the work; None: processes on this machine,
            ``processes`` of them (None: one a core).
        processes: see ``scheduler``.
        advance: told how many rows were read since the last call.
    """
    pseudonyms = workspace.pseudonyms
    now = utc_now()
    with workspace.exclusive():
        found = ingest(
            path,
            workspace.collection,
            rejects=workspace.path / "rejects" / f"{path.name}.jsonl",
            giver_id_of=pseudonyms.on_platform(CHAT_LOG),
            meet=lambda names: pseudonyms.meet(CHAT_LOG, names),
            now=now,
            delay=timedelta(hours=0 if publish else workspace.config.consent.delay_hours),
            redactor=Redactor(workspace.config.privacy.deny_names, workspace.config.privacy.default_region),
            workers=DaskWorkers(scheduler) if scheduler else LocalWorkers(processes),
            advance=advance,
        )
        with workspace.store.write() as connection:
            left_out.save(connection, path.name, found.left_out(), now)
    return found
