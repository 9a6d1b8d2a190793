"""Training sets: ``export``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.workspace import Workspace


class ExportKind(StrEnum):
    """Training sets that can be written."""

    DPO = "dpo"
    KTO = "kto"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(export)


def export(
    kind: Annotated[ExportKind, typer.Argument(help="The training set: preference pairs, or single labels.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write.", show_default="exports/KIND")
    ] = None,
    test_share: Annotated[
        float, typer.Option("--test-share", min=0, max=1, help="Share of the test split.")
    ] = 0.1,
    any_licence: Annotated[
        bool,
        typer.Option("--any-licence", help="Mix licences that do not go together, for your own use."),
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a Hugging Face dataset that TRL trains on, with provenance, a card and a manifest.

    Example: **chatfeedback export dpo**
    """
    with Workspace.open(workspace) as opened:
        folder = output or opened.path / "exports" / kind.value
        found = steps.export(opened, kind.value, folder, test_share=test_share, any_licence=any_licence)
    if as_json:
        emit_json(found)
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in found.rows.items())
    say(f"{found.path}: {rows} rows" + (" (unchanged)" if found.unchanged else ""))
    for reason, count in sorted(found.dropped.items()):
        say(f"  left out: {count:,} {reason}")
    for note in found.licence_notes:
        say(f"  licences: {note}")
    say(f'Load it with: datasets.load_dataset("{found.path}", "trl")')
