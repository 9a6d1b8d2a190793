"""Chat logs: ``ingest``, ``collection``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from workspaces.errors import RowsRejectedError
from workspaces.store.conversations import count_by_state
from workspaces.workspace import Workspace, utc_now


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (ingest, collection):
        app.command()(command)


def ingest(
    file: Annotated[Path, typer.Argument(help="A chat-log file: .jsonl, .jsonl.gz, .json or .parquet.")],
    publish: Annotated[
        bool, typer.Option("--publish", help="The givers agreed already: share at once, without the delay.")
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option("--licence", help="The licence of conversations that name none, such as cc-by-4.0."),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Read chat logs into the collection. The same file twice adds nothing.

    Example: **chatfeedback ingest logs.jsonl**
    """
    started = time.monotonic()
    with Workspace.open(workspace) as opened, progress(f"Reading {file.name}") as advance:
        found = steps.ingest_file(opened, file, publish=publish, licence=licence, advance=advance)
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        emit_json(
            {
                "format": found.format,
                "read": found.read,
                "added": found.added,
                "duplicates": found.duplicates,
                "deleted": found.deleted,
                "rejected": found.rejected,
                "redactions": found.redactions,
                "reasons": found.reasons,
                "rejects_file": found.rejects_file,
                "seconds": seconds,
            }
        )
    else:
        say(
            f"{file.name} ({found.format}): {found.read:,} read, {found.added:,} added, "
            f"{found.duplicates:,} known already, {found.rejected:,} rejected, in {seconds} s"
        )
        if found.deleted:
            say(f"{found.deleted:,} were deleted at their givers' wish and stay so")
        if found.redactions:
            said = ", ".join(f"{count} {kind}" for kind, count in sorted(found.redactions.items()))
            say(f"Replaced by placeholders: {said}")
    if found.rejected:
        raise RowsRejectedError(f"{found.rejected} rows could not be read: see {found.rejects_file}")


def collection(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Share the conversations whose delay is over, and count the collection by state.

    Example: **chatfeedback collection**
    """
    with Workspace.open(workspace) as opened:
        with opened.exclusive():
            opened.collection.share_due(utc_now())
        with opened.store.read() as connection:
            states = count_by_state(connection)
    if as_json:
        emit_json({state.value: count for state, count in states.items()})
        return
    table("Collection", ["state", "conversations"], sorted(states.items()), numeric=["conversations"])
