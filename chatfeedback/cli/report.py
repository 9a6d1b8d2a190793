"""``report``: agreement, confidence and the next steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from chatfeedback.cli.listing import long_table
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality import Check, Report
    from quality.report.people import PersonReport


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(report)


def report(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Compute agreement and confidence, say what to do next, and write it all as a page with plots.

    The page, `reports/latest/report.html`, opens without a network; its tables stand beside it as Parquet and CSV.
    Example: **chatfeedback report**
    """
    from chatfeedback.report import write_report  # pandas, Jinja and the plots take a second to import

    with Workspace.open(workspace) as opened:
        reported = write_report(opened)
    if as_json:
        tables = {
            name: json.loads(rows.to_json(orient="records")) for name, rows in reported.written.tables.items()
        }
        emit_json({
            **reported.report.to_dict(),
            "counts": reported.counts.as_json(),
            "page": reported.written.page,
            "tables": tables,
        })  # fmt: skip
        return
    show_report(reported.report)
    counts = reported.counts
    say(
        f"{counted(reported.report.n_votes, 'vote')} from {counted(counts.answers, 'answer')} and "
        f"{counted(counts.imported_judgments, 'imported judgment')} of {counted(counts.raters, 'rater')}"
    )
    say(f"Read on, with plots: {reported.written.page}")


def show_report(report: Report) -> None:
    """Print a report: what to do next, agreement on each question, confidence of each person."""
    from quality.report.explanations import ALPHA, CONFIDENCE, EQUAL_PAIRS, MULTIPLIER

    say("Next:")
    for step in report.next_steps:
        say(f"  - {step}")
    columns = ["kind", "question", "votes", "alpha", "95 %", "equal pairs"]
    questions = [
        (
            question.kind,
            question.question,
            question.n_votes,
            question.headline.value,
            _interval(question.headline.low, question.headline.high),
            question.coefficients["percent_agreement"].value,
        )
        for question in report.questions
    ]
    audited = sorted({question.kind for question in report.questions if question.audited})
    where = f", of {' and '.join(audited)} on the audit slice" if audited else ""
    table(f"Agreement{where}", columns, questions, numeric=columns[2:])
    if questions:
        say(f"{ALPHA} {EQUAL_PAIRS}")
    _show_people("People", report.people)
    if report.people:
        say(f"{CONFIDENCE} {MULTIPLIER}")
    if report.raters:
        _show_people("Raters, whose judgments came with chat logs", report.raters)
    _show_checks(report)


def _show_people(title: str, people: Sequence[PersonReport]) -> None:
    columns = ["person", "votes", "confidence", "95 %", "divergent", "multiplier"]
    rows = [
        (
            person.person,
            person.n_votes,
            person.confidence.value,
            _interval(person.confidence.low, person.confidence.high),
            f"{person.confidence.n_divergent:.1f}",
            person.confidence.multiplier,
        )
        for person in sorted(people, key=lambda person: -person.confidence.value)
    ]
    long_table(title, columns, rows, numeric=columns[1:])


def _show_checks(report: Report) -> None:
    """Print gold accuracy and self-consistency of the people who have either."""
    from quality.report.explanations import EXPECTED_SHARE

    gold = [(person.person, person.confidence.gold_accuracy) for person in report.people]
    again = [(person.person, person.confidence.self_consistency) for person in report.people]
    for title, columns, checks in (
        ("Votes on gold tasks", ["person", "right", "gold accuracy", "95 %"], gold),
        ("Votes on tasks asked twice", ["person", "alike", "self-consistency", "95 %"], again),
    ):
        rows = [(person, *_check(check)) for person, check in checks if check is not None]
        if rows:
            long_table(title, columns, rows, numeric=columns[1:])
    if any(check is not None for _, check in (*gold, *again)):
        say(EXPECTED_SHARE)


def _check(check: Check) -> tuple[str, float, str]:
    """Return what was counted, such as "0 of 2", and the share that is expected from it, with its interval."""
    return (f"{check.n_matching:,} of {check.n_items:,}", check.value, _interval(check.low, check.high))


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"
