"""``export``: training sets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from exports import all_projections, projection_of
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(export)


def choices() -> type[StrEnum]:
    """Return the names of the projections as an enumeration, which typer takes as choices."""
    return cast("type[StrEnum]", StrEnum("Projection", {name: name for name in all_projections()}))


def choices_help() -> str:
    """Return the help of each projection, as a Markdown list."""
    lines = [f"- **{name}**: {projection.help}" for name, projection in all_projections().items()]
    return "\n".join(["The training set:", "", *lines])


def export(
    # typer evaluates this on each call of a command, so that it includes projections registered since the import
    kind: Annotated[choices(), typer.Argument(help=choices_help())],  # type: ignore[valid-type]
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
        projection = projection_of(kind)
        folder = output or opened.path / "exports" / projection.name
        result = steps.export(opened, projection.name, folder, test_share=test_share, any_licence=any_licence)
    if as_json:
        emit_json(result)
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in result.rows.items())
    say(f"{result.path}: {rows} rows" + (" (unchanged)" if result.unchanged else ""))
    for reason, count in sorted(result.dropped.items()):
        say(f"  left out: {count:,} {reason}")
    for licence_note in result.licence_notes:
        say(f"  licences: {licence_note}")
    for warning in result.warnings:
        note(f"warning: {warning}")
    say(f'Load it with: datasets.load_dataset("{result.path}", "{projection.training_table.name}")')
