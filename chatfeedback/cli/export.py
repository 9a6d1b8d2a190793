"""``export``: training sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.config import ExportsConfig


OF_RELEASES = {
    "verify": ("FOLDER", "checks one that was written"),
    "diff": ("FOLDER FOLDER", "tells what differs between two releases"),
    "checkpoint": ("FOLDER", "signs one, for `verify --checkpoint`"),
    "push": ("FOLDER OWNER/NAME", "publishes one on the Hugging Face Hub"),
}
"""Instead of a training set: what to do with those that were written, with the arguments and a line of help."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(cls=ExportCommand)(export)


class ExportCommand(TyperCommand):
    """A command whose help names the projections: they are looked up when somebody asks, since that takes long."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # typer does not export their classes
        """Write the help."""
        from exports import all_projections

        lines = [f"- **{name}**: {projection.help}" for name, projection in all_projections().items()]
        lines += [
            f"- **{name} {names}**: no training set: {said}." for name, (names, said) in OF_RELEASES.items()
        ]
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

    if name in OF_RELEASES or name in (known := all_projections()):
        return name
    others = ", ".join(map(repr, OF_RELEASES))
    raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, known))}; or of {others}.")


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
        if not first["loc"]:  # of several rules together
            raise typer.BadParameter(first["msg"].removeprefix("Value error, ")) from None
        said = first["msg"].removeprefix("Value error, ")  # those of our validators contain the value
        given_it = "" if first["type"] == "value_error" else f" (given: {first['input']!r})"
        raise typer.BadParameter(f"{first['loc'][0]}: {said}{given_it}") from None


def export(
    kind: Annotated[str, typer.Argument(parser=known_projection, help="The training set.", metavar="KIND")],
    written: Annotated[
        list[str] | None,
        typer.Argument(
            help="Of 'verify', 'diff', 'checkpoint' and 'push': their arguments.", metavar="[FOLDER]..."
        ),
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
    own: Annotated[
        str | None,
        _rule("--own", "Answers on one's own conversation, where they count: include, exclude or only."),
    ] = None,
    since: Annotated[str | None, _rule("--since", "Take answers from this day on, as 2026-11-26.")] = None,
    until: Annotated[str | None, _rule("--until", "Take answers up to this day.")] = None,
    min_people: Annotated[int | None, _rule("--min-people", "Who judged a row, at least.")] = None,
    min_agreement: Annotated[
        float | None, _rule("--min-agreement", "Share of the most frequent answer, of pairs and labels.")
    ] = None,
    min_margin: Annotated[float | None, _rule("--min-margin", "Of pairs.")] = None,
    min_posterior: Annotated[
        float | None, _rule("--min-posterior", "Of pairs, the probability that the chosen side is better.")
    ] = None,
    skip_flags: Annotated[
        list[str] | None, _rule("--skip-flag", "Leave out conversations with this flag; repeatable.")
    ] = None,
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
    weights: Annotated[
        str | None, _rule("--weights", "What makes weights: none, confidence or posterior.")
    ] = None,
    test_people: Annotated[
        float | None,
        _rule(
            "--test-people", "Share of people whose answers are in the test split alone, and nobody else's."
        ),
    ] = None,
    test_from: Annotated[
        str | None,
        _rule("--test-from", "Test on what was first asked about on this day or later, as 2026-11-26."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be in, and what falls out where; write nothing."),
    ] = False,
    json_lines: Annotated[
        bool, typer.Option("--jsonl", help="Write every table as JSON lines, too, beside its Parquet files.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            help="A Dask scheduler whose workers do the work; they see the workspace's folder.",
            metavar="TCP://HOST:PORT",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, help="Worker processes here; one for each core otherwise."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="With 'verify': a signed checkpoint of the release.", rich_help_panel="Releases"),
    ] = None,
    feed: Annotated[
        Path | None,
        typer.Option(
            help="With 'verify': the tombstones.jsonl of a later release, which says what is gone.",
            rich_help_panel="Releases",
        ),
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private/--public",
            help="With 'push': whether a data set that is made now is private.",
            rich_help_panel="Releases",
        ),
    ] = True,
    squash: Annotated[
        bool,
        typer.Option(
            "--squash-history",
            help="With 'push': drop what the Hub keeps of earlier releases; it does not come back.",
            rich_help_panel="Releases",
        ),
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a Hugging Face dataset that TRL trains on, with provenance, a card and a manifest.

    The rules that choose stand under **exports** in chatfeedback.yaml; an option here stands in for its line there.
    Into a folder that holds a release goes the next one: only files whose rows changed are written anew.
    **chatfeedback export verify FOLDER** checks an export that was written: every byte, and that figures add up.
    **diff**, **checkpoint** and **push** are about releases that were written, too.
    Example: **chatfeedback export dpo --min-people 2 --dry-run**
    """
    if kind in OF_RELEASES:
        from chatfeedback.cli import releases

        names = _arguments(kind, written or [])
        if kind == "verify":
            releases.verify(Path(names[0]), workspace, checkpoint, feed, as_json=as_json)
        elif kind == "diff":
            releases.diff(Path(names[0]), Path(names[1]), as_json=as_json)
        elif kind == "checkpoint":
            releases.checkpoint(Path(names[0]), workspace, output, as_json=as_json)
        else:
            options = {"private": private, "squash": squash, "dry_run": dry_run}
            releases.push(Path(names[0]), names[1], workspace, options, as_json=as_json)
        return
    if written:
        raise typer.BadParameter(
            f"a folder is named behind {', '.join(OF_RELEASES)} alone; to write to one: --output {written[0]}"
        )
    from exports import projection_of
    from workspaces.dask_workers import DaskWorkers
    from workspaces.workers import LocalWorkers

    given = {
        "kinds": kinds, "imported": imported, "chat": chat, "own": own, "since": since, "until": until,
        "min_people": min_people, "min_agreement": min_agreement, "min_margin": min_margin,
        "min_posterior": min_posterior, "skip_flags": skip_flags, "languages": languages, "models": models,
        "sources": sources, "licences": licences, "weights": weights, "test_people": test_people,
        "test_from": test_from,
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
            json_lines=json_lines,
            workers=DaskWorkers(scheduler) if scheduler else LocalWorkers(processes) if processes else None,
        )
    if as_json:
        emit_json(result)
        return
    rows = ", ".join(counted(count, f"{split} row") for split, count in result.rows.items())
    if dry_run:
        say(f"{projection.name}: {rows} would be written")
    else:
        say(f"{result.path}: {rows}" + (" (unchanged)" if result.unchanged else ""))
    if result.difference is not None:
        say(f"  release {result.version}: {result.difference.sentence()}")
        if result.difference.moved:
            note(f"warning: {counted(result.difference.moved, 'item')} changed sides between train and test")
    of_items, of_judgments = result.accounting.sentences()
    say(f"  {of_items}")
    for reason in result.accounting.reasons_of_items():
        say(f"    {reason}")
    say(f"  {of_judgments}")
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


def _arguments(kind: str, given: list[str]) -> list[str]:
    expected = OF_RELEASES[kind][0]
    if len(given) != len(expected.split()):
        raise typer.BadParameter(
            f"name the folder: chatfeedback export {kind} {expected}"
            if not given
            else f"expected: chatfeedback export {kind} {expected} (given: {' '.join(given)})"
        )
    return given
