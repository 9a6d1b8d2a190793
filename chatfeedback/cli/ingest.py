"""``ingest``: chat logs."""

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
    source: Annotated[
        str,
        typer.Argument(
            help="A file (.jsonl, .json, .parquet, .csv, .txt; also .gz, .zst), a folder with a dataset, or "
            "hf:OWNER/NAME for one of the Hugging Face hub.",
            show_default=False,
        ),
    ],
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format", help="The format's name, such as oasst.", show_default="told from the columns"
        ),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="The givers agreed already: share at once, without the delay.")
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option("--licence", help="The licence of conversations that name none, such as cc-by-4.0."),
    ] = None,
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
    """Read chat logs into the collection. The same file twice adds nothing; a chat that went on grows.

    What people said of answers in the log itself (thumbs, scores, votes) is kept as imported feedback: it counts
    in reports and exports, and is never paid.

    Example: **chatfeedback ingest logs.jsonl**
    """
    name = Path(source).name
    started = time.monotonic()
    with Workspace.open(workspace) as opened, progress(f"Reading {name}") as advance:
        ingested = steps.ingest_file(
            opened,
            source,
            format_name=format_name,
            publish=publish,
            licence=licence,
            scheduler=scheduler,
            processes=processes,
            advance=advance,
        )
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        emit_json(
            {
                "format": ingested.format,
                "read": ingested.read,
                "added": ingested.added,
                "grown": ingested.grown,
                "duplicates": ingested.duplicates,
                "near_duplicates": ingested.near_duplicates,
                "deleted": ingested.deleted,
                "rejected": ingested.rejected,
                "merged": ingested.merged,
                "feedback": ingested.feedback,
                "forgotten_feedback": ingested.forgotten_feedback,
                "cleaned": ingested.cleaned,
                "redactions": ingested.redactions,
                "reasons": ingested.reasons,
                "rejects_file": ingested.rejects_file,
                "seconds": seconds,
            }
        )
    else:
        merged = f"{ingested.merged:,} part of another row's conversation, " if ingested.merged else ""
        grown = f"{ingested.grown:,} grown, " if ingested.grown else ""
        say(
            f"{name} ({ingested.format}): {ingested.read:,} read, {ingested.added:,} added, {grown}"
            f"{ingested.duplicates:,} known already, {ingested.rejected:,} rejected, {merged}in {seconds} s"
        )
        if ingested.feedback:
            say(f"Imported feedback: {ingested.feedback:,} judgments of people, never paid")
        if ingested.forgotten_feedback:
            say(
                f"{ingested.forgotten_feedback:,} judgements are of people who asked to be forgotten, and stay away"
            )
        if ingested.near_duplicates:
            say(f"{ingested.near_duplicates:,} of those added or grown resemble another conversation")
        if ingested.cleaned:
            say(
                f"{ingested.cleaned:,} left out by the cleaning rules of {ingested.format}: see {ingested.rejects_file}"
            )
        if ingested.deleted:
            say(f"{ingested.deleted:,} were deleted at their givers' wish and stay so")
        if ingested.redactions:
            placeholders = ", ".join(f"{count} {kind}" for kind, count in sorted(ingested.redactions.items()))
            say(f"Replaced by placeholders: {placeholders}")
    if ingested.rejected:
        raise RowsRejectedError(f"{ingested.rejected} rows could not be read: see {ingested.rejects_file}")
