"""What the answers are worth: ``report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from quality import Report


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(report)


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
