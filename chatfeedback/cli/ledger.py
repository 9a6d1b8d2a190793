"""``ledger verify``, ``checkpoint``, ``export`` and ``adjust``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say
from workspaces.errors import UsageError, WorkbenchError
from workspaces.grammar import counted, noun_for, word_for
from workspaces.workspace import Workspace

SHOWN = 20
"""The most problems printed as text; ``--json`` prints all."""

HASH_DIGITS = 64


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="The ledger of Compute Points.")
    for command in (verify, checkpoint, export):
        group.command()(command)
    # otherwise -5 would be an option
    group.command(context_settings={"ignore_unknown_options": True})(adjust)
    app.add_typer(group, name="ledger")


def verify(
    tip: Annotated[
        str | None, typer.Option("--tip", help="The hash of a transaction that must be there.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="The manifest.json of an export, which names a tip.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            help="A signed checkpoint.",
            show_default="ledger-checkpoint.json, where there is one",
        ),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing in the ledger was changed, removed, added or reordered; exit with 1 if it was.

    A tail that was cut off shows only against something noted before: a checkpoint, or an export's manifest.
    Example: **chatfeedback ledger verify**
    """
    if tip is not None and (len(tip) != HASH_DIGITS or set(tip) - set("0123456789abcdef")):
        raise UsageError(f"--tip takes the {HASH_DIGITS} hexadecimal digits of a hash (given: {tip[:80]})")
    with Workspace.open(workspace) as opened, progress("Verifying") as advance:
        verification = steps.verify_ledger(
            opened, known_tip=tip, manifest=manifest, checkpoint=checkpoint, advance=advance
        )
    if as_json:
        emit_json({"whole": verification.is_whole, **asdict(verification)})
    else:
        for problem in verification.problems[:SHOWN]:
            say(problem)
        say(
            f"{counted(verification.transactions, 'transaction')}, {counted(verification.entries, 'entry')}, "
            f"tip {verification.tip.hash}"
        )
        if verification.unsettled:
            say(
                f"{counted(verification.unsettled, 'paid answer')} {word_for(verification.unsettled, 'does', 'do')} "
                "not stand any more: 'chatfeedback settle' takes the points back"
            )
    if not verification.is_whole:
        raise WorkbenchError(
            f"the ledger is not whole: {counted(len(verification.problems), 'problem')} found"
        )
    if not as_json:
        say("The ledger is whole.")


def checkpoint(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write.", show_default="ledger-checkpoint.json"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Verify the ledger and note its newest transaction in a signed file.

    `ledger verify` uses it, and misses what is cut off later. Keep a copy elsewhere.
    Example: **chatfeedback ledger checkpoint**
    """
    with Workspace.open(workspace) as opened, progress("Verifying") as advance:
        noted = steps.checkpoint_ledger(opened, output, advance=advance)
    if as_json:
        emit_json(noted)
        return
    say(f"Noted transaction {noted.tip.sequence:,} with the hash {noted.tip.hash}.")


def export(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder to write.", show_default="exports/ledger"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write every entry of the ledger as CSV and as Parquet, by pseudonym.

    Example: **chatfeedback ledger export --output ledger-2026-11**
    """
    with Workspace.open(workspace) as opened:
        count, paths = steps.export_entries(opened, output or opened.path / "exports" / "ledger")
    if as_json:
        emit_json({"entries": count, "files": paths})
        return
    say(f"{counted(count, 'entry')}: " + ", ".join(str(path) for path in paths))


def adjust(
    person: Annotated[str, typer.Argument(help="A pseudonym, or the person's e-mail address or user name.")],
    points: Annotated[int, typer.Argument(help="Points to give; below 0, to take back.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the person to read.")],
    author: Annotated[str, typer.Option("--author", help="Who decides this.")],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Correct a person's points by a new transaction. The same correction twice is made once.

    Example: **chatfeedback ledger adjust ada@example.org 25 --reason refund --author Grace**
    """
    with Workspace.open(workspace) as opened:
        number, is_new = steps.adjust_points(
            opened, steps.find_person(opened, person), points, reason=reason, author=author
        )
    if as_json:
        emit_json({"transaction": number, "new": is_new})
        return
    if is_new:
        say(f"Transaction {number:,}: {points:+,} {noun_for(abs(points), 'point')} for {person}.")
    else:
        say(f"This correction is transaction {number:,} already: give another reason to make it once more.")
