"""``export``: training sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.errors import WorkbenchError
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.config import ExportsConfig


VERIFY = "verify"
"""Instead of a training set: check one that was written."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(cls=ExportCommand)(export)


class ExportCommand(TyperCommand):
    """A command whose help names the projections: they are looked up when somebody asks, since that takes long."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # typer does not export their classes
        """Write the help."""
        from exports import all_projections

        lines = [f"- **{name}**: {projection.help}" for name, projection in all_projections().items()]
        lines.append(f"- **{VERIFY} FOLDER**: no training set: checks one that was written.")
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

    if name == VERIFY or name in (known := all_projections()):
        return name
    raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, known))}; or {VERIFY!r}.")


def _rule(name: str, help_text: str) -> Any:
    """Return an option that stands in for a line of the configuration."""
    return typer.Option(name, help=help_text, rich_help_panel="What goes in")


def _rules(configured: ExportsConfig, given: Mapping[str, object]) -> ExportsConfig:
    """Return the rules of the configuration with those that options give.

    Raises:
        BadParameter: a value is none that the configuration takes.
    """
    from pydantic import ValidationError

    if not given:
        return configured
    try:
        return type(configured).model_validate(configured.model_dump(exclude_unset=True) | dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(f"{first['loc'][0]}: {first['msg']} (given: {first['input']!r})") from None


def export(
    kind: Annotated[str, typer.Argument(parser=known_projection, help="The training set.", metavar="KIND")],
    written: Annotated[
        Path | None,
        typer.Argument(help="With 'verify': the folder of an export to check.", metavar="[FOLDER]"),
    ] = None,
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
    kinds: Annotated[
        list[str] | None, _rule("--kind", "Take answers to tasks of this kind alone; repeatable.")
    ] = None,
    imported: Annotated[
        str | None, _rule("--imported", "Judgments that came with logs: include, exclude or only.")
    ] = None,
    chat: Annotated[
        str | None, _rule("--chat", "Judgments from the workbench's own chat: include, exclude or only.")
    ] = None,
    since: Annotated[str | None, _rule("--since", "Take answers from this day on, as 2026-11-26.")] = None,
    until: Annotated[str | None, _rule("--until", "Take answers up to this day.")] = None,
    min_people: Annotated[int | None, _rule("--min-people", "Who judged a row, at least.")] = None,
    min_agreement: Annotated[
        float | None, _rule("--min-agreement", "Share of the most frequent answer, of pairs and labels.")
    ] = None,
    min_margin: Annotated[float | None, _rule("--min-margin", "Of pairs.")] = None,
    languages: Annotated[
        list[str] | None, _rule("--language", "Take this language alone; repeatable.")
    ] = None,
    models: Annotated[list[str] | None, _rule("--model", "Take this model alone; repeatable.")] = None,
    sources: Annotated[list[str] | None, _rule("--source", "Take this source alone; repeatable.")] = None,
    licences: Annotated[list[str] | None, _rule("--licence", "Take this licence alone; repeatable.")] = None,
    decontaminate: Annotated[
        Path | None,
        _rule("--decontaminate", "Leave out prompts that stand in a benchmark of this folder."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be in, and what falls out where; write nothing."),
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a Hugging Face dataset that TRL trains on, with provenance, a card and a manifest.

    The rules that choose stand under **exports** in chatfeedback.yaml; an option here stands in for its line there.
    **chatfeedback export verify FOLDER** checks an export that was written: every byte, and that figures add up.
    Example: **chatfeedback export dpo --min-people 2 --dry-run**
    """
    if kind == VERIFY:
        _verify(written, as_json=as_json)
        return
    if written is not None:
        raise typer.BadParameter(
            f"a folder is named behind 'verify' alone; to write to one: --output {written}"
        )
    from exports import projection_of

    given = {
        "kinds": kinds, "imported": imported, "chat": chat, "since": since, "until": until, "min_people": min_people,
        "min_agreement": min_agreement, "min_margin": min_margin, "languages": languages, "models": models,
        "sources": sources, "licences": licences,
        "decontaminate": None if decontaminate is None else decontaminate.expanduser().absolute(),
    }  # fmt: skip
    with Workspace.open(workspace) as opened:
        projection = projection_of(kind)
        folder = output or opened.path / "exports" / projection.name
        result = steps.export(
            opened,
            projection.name,
            folder,
            test_share=test_share,
            any_licence=any_licence,
            rules=_rules(
                opened.config.exports, {key: value for key, value in given.items() if value is not None}
            ),
            dry_run=dry_run,
        )
    if as_json:
        emit_json(result)
        return
    rows = ", ".join(counted(count, f"{split} row") for split, count in result.rows.items())
    if dry_run:
        say(f"{projection.name}: {rows} would be written")
    else:
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
    if dry_run:
        return
    say(f'Load it with: datasets.load_dataset("{result.path}", "{projection.training_table.name}")')


def _verify(folder: Path | None, *, as_json: bool) -> None:
    """Check an export, say what is wrong with it, and fail if something is."""
    from exports.verification import verify

    if folder is None:
        raise typer.BadParameter("name the folder: chatfeedback export verify FOLDER")
    found = verify(folder)
    if as_json:
        emit_json(found)
    else:
        rows = sum(count for splits in found.rows.values() for count in splits.values())
        say(f"{folder}: {found.kind}, {counted(found.files, 'file')}, {counted(rows, 'row')} in all tables")
        say(f"  digest {found.digest}, written {found.created_at}, ledger {found.ledger_tip or 'none'}")
        for problem in found.problems:
            say(f"  {problem}")
    if found.problems:
        raise WorkbenchError(
            f"{counted(len(found.problems), 'problem')} in {folder}: export it again, or fetch it again from where it "
            "came"
        )
    if not as_json:
        say("It is what was written.")
