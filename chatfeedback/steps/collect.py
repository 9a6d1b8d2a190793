"""Chat logs into the collection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from task_generators.chat_logs import ingest
from task_generators.chat_logs.licences import Licences
from workspaces.privacy.redaction import Redactor
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from chatfeedback.steps.advance import Advance
    from task_generators.chat_logs import Ingested
    from workspaces.workspace import Workspace


def ingest_file(
    workspace: Workspace,
    path: Path,
    *,
    publish: bool = False,
    licence: str | None = None,
    advance: Advance = ignore,
) -> Ingested:
    """Read a chat-log file into the collection.

    Args:
        workspace: where.
        path: the file.
        publish: its givers agreed to share it without a delay.
        licence: what its conversations come under where they say nothing themselves.
        advance: told how many rows were read since the last call.
    """
    sources = workspace.config.sources
    with workspace.exclusive():
        workspace.collection.clear_leftovers()
        return ingest(
            path,
            workspace.collection,
            rejects=workspace.path / "rejects" / f"{path.name}.jsonl",
            giver_id_of=workspace.pseudonyms.on_platform("chat-log"),
            now=utc_now(),
            delay=timedelta(hours=0 if publish else workspace.config.consent.delay_hours),
            redactor=Redactor(workspace.config.privacy.deny_names, workspace.config.privacy.default_region),
            licences=Licences(licence, {name: source.licence for name, source in sources.items()}),
            advance=advance,
        )
