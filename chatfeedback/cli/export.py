"""``export``: training sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.grammar import counted
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(cls=ExportCommand)(export)


class ExportCommand(TyperCommand):
    """A command whose help names the projections: they are looked up when somebody asks, since that takes long."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # typer does not export their classes
        """Write the help."""
        from exports import all_projections

        lines = [f"- **{name}**: {projection.help}" for name, projection in all_projections().items()]
        kind = self.params[0]
        assert isinstance(kind, TyperArgument)
        kind.help = "\n".join(["The training set:", "", *lines])
        super().format_help(ctx, formatter)


def known_projection(name: str) -> str:
    """Return the name of a projection.

    Raises:
        BadParameter: no installed package declares it.
    """
    from exports import all_projections

    if name in (known := all_projections()):
        return name
    raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, known))}.")


def export(
    kind: Annotated[str, typer.Argument(parser=known_projection, help="The training set.", metavar="KIND")],
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
    from exports import projection_of

    with Workspace.open(workspace) as opened:
        projection = projection_of(kind)
        folder = output or opened.path / "exports" / projection.name
        result = steps.export(opened, projection.name, folder, test_share=test_share, any_licence=any_licence)
    if as_json:
        emit_json(result)
        return
    rows = ", ".join(counted(count, f"{split} row") for split, count in result.rows.items())
    say(f"{result.path}: {rows}" + (" (unchanged)" if result.unchanged else ""))
    for sentence in result.accounting.sentences():
        say(f"  {sentence}")
    for reason in result.accounting.reasons():
        say(f"    {reason}")
    if unanswered := result.accounting.unanswered():
        say(f"  {unanswered}")
    for licence_note in result.licence_notes:
        say(f"  licences: {licence_note}")
    for warning in result.warnings:
        note(f"warning: {warning}")
    say(f'Load it with: datasets.load_dataset("{result.path}", "{projection.training_table.name}")')
