"""``ingest``: chat logs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.held import held_object, held_sentences
from chatfeedback.cli.ingest_check import show_check
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from chatfeedback.safe_text import safe
from task_generators.hub import HUB, ask_for
from workspaces.errors import RowsRejectedError, UsageError
from workspaces.grammar import counted, word_for
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
        bool,
        typer.Option(
            "--publish",
            help="The givers agreed already: share at once, also what was read before and is held.",
        ),
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
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            help="A column to do without, though it holds judgments or messages. May be repeated.",
            metavar="COLUMN",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding",
            help="The encoding of text files, such as cp1252.",
            show_default="UTF-8, or what a byte order mark says",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read nothing into the collection; say what would be read, and where it goes."
        ),
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Read chat logs into the collection. The same file twice adds nothing; a chat that went on grows.

    What people said of answers in the log itself (thumbs, scores, votes) is kept as imported feedback: it counts
    in reports and exports, and is never paid. Values that no reader takes are counted and named.

    Example: **chatfeedback ingest logs.jsonl --check**, then without **--check**
    """
    name = Path(source).name
    if source.startswith(HUB):
        ask_for(source.removeprefix(HUB))  # before what takes long to import
    if check:
        with Workspace.open(workspace) as opened, progress(f"Checking {name}") as advance:
            checked = steps.check_file(
                opened,
                source,
                format_name=format_name,
                scheduler=scheduler,
                processes=processes,
                ignored=frozenset(ignore or ()),
                encoding=encoding,
                advance=advance,
            )
            delay_hours = 0.0 if publish else opened.config.consent.delay_hours
        show_check(source, checked, delay_hours=delay_hours, as_json=as_json)
        return
    from chatfeedback.cli.ingest_summary import as_object, lines_of, links_sentence

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
            ignored=frozenset(ignore or ()),
            encoding=encoding,
            advance=advance,
        )
        hold, warnings = steps.hold_of(opened), steps.unknown_sources(opened)
        if ingested.shared_ids:
            warnings.append(ingested.shared_ids)
        if ingested.links_out:
            warnings.append(links_sentence(ingested))
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        emit_json(
            {**as_object(ingested), "held": held_object(hold), "warnings": warnings, "seconds": seconds}
        )
    else:
        for line in (*lines_of(name, ingested, seconds), *held_sentences(hold)):
            say(safe(line))
        for warning in warnings:
            note(f"warning: {warning}")
        if not hold.count and (ingested.added or ingested.grown or ingested.published):
            hint("chatfeedback seed")
    if ingested.damage:
        raise UsageError(
            f"{ingested.damage}: what was read before is counted, and kept; run this again with the whole of it: "
            "nothing is read twice"
        )
    if ingested.rejected:
        raise RowsRejectedError(
            f"{counted(ingested.rejected, 'row')} could not be read, "
            f"{word_for(ingested.rejected, 'because', 'most of them because')}: {ingested.main_reason}; see "
            f"{ingested.rejects_file}, and 'ingest --check'"
        )
