"""Chat logs: ``ingest``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say
from workspaces.errors import RowsRejectedError
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(ingest)


def ingest(
    file: Annotated[Path, typer.Argument(help="A chat-log file: .jsonl, .jsonl.gz, .json or .parquet.")],
    publish: Annotated[
        bool, typer.Option("--publish", help="The givers agreed already: share at once, without the delay.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="A Dask scheduler whose workers do the work.", metavar="TCP://HOST:PORT"
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, help="Worker processes here; one for each core otherwise."),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Read chat logs into the collection. The same file twice adds nothing.

    Example: **chatfeedback ingest logs.jsonl**
    """
    started = time.monotonic()
    with Workspace.open(workspace) as opened, progress(f"Reading {file.name}") as advance:
        found = steps.ingest_file(
            opened, file, publish=publish, scheduler=scheduler, processes=processes, advance=advance
        )
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        emit_json(
            {
                "format": found.format,
                "read": found.read,
                "added": found.added,
                "duplicates": found.duplicates,
                "near_duplicates": found.near_duplicates,
                "rejected": found.rejected,
                "cleaned": found.cleaned,
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
        if found.near_duplicates:
            say(f"{found.near_duplicates:,} of those added resemble another conversation")
        if found.cleaned:
            say(
                f"{found.cleaned:,} left out by the cleaning rules of {found.format}: see {found.rejects_file}"
            )
        if found.redactions:
            said = ", ".join(f"{count} {kind}" for kind, count in sorted(found.redactions.items()))
            say(f"Replaced by placeholders: {said}")
    if found.rejected:
        raise RowsRejectedError(f"{found.rejected} rows could not be read: see {found.rejects_file}")
