"""What came of it: ``leaderboard``, ``wallet``, ``report``, ``export``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from reward_engine import leaderboard as standings
from reward_engine import wallet as wallet_of
from workspaces.errors import UsageError
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from quality import Report


class ExportKind(StrEnum):
    """Training sets that can be written."""

    DPO = "dpo"
    KTO = "kto"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (leaderboard, wallet, report, export):
        app.command()(command)


def leaderboard(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many places.")] = 20,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show who has earned most, by pseudonym.

    Example: **chatfeedback leaderboard --limit 10**
    """
    with Workspace.open(workspace) as opened, opened.store.read() as connection:
        places = standings(connection, limit)
    if as_json:
        emit_json({"leaderboard": places})
        return
    rows = [(place.rank, place.person_id, place.points) for place in places]
    table("Leaderboard", ["rank", "person", "points"], rows, numeric=["rank", "points"])


def wallet(
    person: Annotated[str, typer.Argument(help="A pseudonym, or the person's e-mail address or user name.")],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a person's points and how each credit came about.

    Example: **chatfeedback wallet ada@example.org**
    """
    with Workspace.open(workspace) as opened:
        person_id = opened.pseudonyms.find(person, tuple(opened.config.platforms.shares()))
        if person_id is None and opened.pseudonyms.is_person(person):
            person_id = person
        if person_id is None:
            raise UsageError(f"nobody here is {person!r}: give a pseudonym from 'chatfeedback leaderboard'")
        with opened.store.read() as connection:
            found = wallet_of(connection, person_id)
    if as_json:
        emit_json(found)
        return
    rows = [(f"{it.at:%Y-%m-%d %H:%M}", it.points, it.reason) for it in found.movements]
    table(f"Wallet of {found.person_id}", ["UTC", "points", "for"], rows, numeric=["points"])
    say(f"Balance: {found.balance:,} points")


def report(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Compute agreement and confidence, and say what to do next.

    Example: **chatfeedback report**
    """
    with Workspace.open(workspace) as opened:
        found = steps.judge(opened)
    if as_json:
        emit_json(found.to_dict())
        return
    show_report(found)


def show_report(found: Report) -> None:
    """Print a report: what to do next, agreement on each question, confidence of each person."""
    say("Next:")
    for step in found.next_steps:
        say(f"  - {step}")
    columns = ["kind", "question", "answers", "alpha", "95 %", "agreement"]
    questions = [
        (
            question.kind,
            question.question,
            question.n_answers,
            question.headline.value,
            _interval(question.headline.low, question.headline.high),
            question.coefficients["percent_agreement"].value,
        )
        for question in found.questions
    ]
    table("Agreement (Krippendorff's alpha)", columns, questions, numeric=columns[2:])
    columns = ["person", "answers", "confidence", "95 %", "divergent", "multiplier"]
    people = [
        (
            person.person,
            person.n_answers,
            person.confidence.value,
            _interval(person.confidence.low, person.confidence.high),
            round(person.confidence.n_divergent),
            person.confidence.multiplier,
        )
        for person in sorted(found.people, key=lambda person: -person.confidence.value)
    ]
    table("People", columns, people, numeric=columns[1:])


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def export(
    kind: Annotated[ExportKind, typer.Argument(help="The training set: preference pairs, or single labels.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write.", show_default="exports/KIND")
    ] = None,
    test_share: Annotated[
        float, typer.Option("--test-share", min=0, max=1, help="Share of the test split.")
    ] = 0.1,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a Hugging Face dataset that TRL trains on, with provenance, a card and a manifest.

    Example: **chatfeedback export dpo**
    """
    with Workspace.open(workspace) as opened:
        folder = output or opened.path / "exports" / kind.value
        found = steps.export(opened, kind.value, folder, test_share=test_share)
    if as_json:
        emit_json(found)
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in found.rows.items())
    say(f"{found.path}: {rows} rows" + (" (unchanged)" if found.unchanged else ""))
    for reason, count in sorted(found.dropped.items()):
        say(f"  left out: {count:,} {reason}")
    say(f'Load it with: datasets.load_dataset("{found.path}", "trl")')
