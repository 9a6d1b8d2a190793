"""``budget``: the cost of feedback."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.grammar import counted, word_for
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.steps import BudgetReport

BAR = 40
"""The length of the longest bar in characters."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(budget)


def budget(
    days: Annotated[int, typer.Option("--days", min=1, help="How many days with work to list.")] = 14,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show points issued by day and kind, what open tasks will cost, and what LLM calls cost per accepted answer.

    Example: **chatfeedback budget --days 30**
    """
    with Workspace.open(workspace) as opened:
        report = steps.budget_report(opened)
    if as_json:
        emit_json(asdict(report) | {"issued": {f"{day}": kinds for day, kinds in report.issued.items()}})
        return
    _show_days(report, days)
    _show_points(report)
    _show_money(report)


def _show_days(report: BudgetReport, days: int) -> None:
    kinds = sorted({kind for issued in report.issued.values() for kind in issued})
    listed = list(report.issued.items())[-days:]
    rows = [
        (f"{day}", *(issued.get(kind, 0) for kind in kinds), sum(issued.values())) for day, issued in listed
    ]
    table("Points issued", ["day", *kinds, "all"], rows, numeric=[*kinds, "all"])
    longest = max([report.points_per_day or 0, *(sum(issued.values()) for _, issued in listed), 1])
    for day, issued in listed:
        points = sum(issued.values())
        over = f", over the budget of {report.points_per_day:,}" if day in report.days_over else ""
        say(f"{day} {'█' * round(BAR * max(0, points) / longest)} {points:,}{over}")


def _show_points(report: BudgetReport) -> None:
    coming = report.forecast
    say(
        f"Issued: {counted(report.issued_total, 'point')} for {counted(report.accepted_answers, 'accepted answer')}"
    )
    if report.unsettled:
        say(f"Not settled yet: {counted(report.unsettled, 'point')}: chatfeedback settle")
    if report.waiting:
        say(
            f"Waiting until items are settled: {counted(report.waiting, 'point')} for answers that were given"
        )
    say(
        f"To come: about {counted(coming.expected, 'point')} ({coming.low:,} to {coming.high:,}, "
        f"{coming.most:,} at most) "
        f"for {counted(report.answers_to_come, 'answer')} that {counted(report.open_tasks, 'open task')} "
        f"{word_for(report.open_tasks, 'asks', 'ask')} for, without bonuses"
    )
    if report.left is not None:
        left = f"{report.left:,} left" if report.left >= 0 else f"{-report.left:,} too many promised"
        say(
            f"Budget: {counted(report.points_total or 0, 'point')} in all; {left} beyond what is earned and promised"
        )
    if report.days_over:
        listed = ", ".join(f"{day}" for day in report.days_over[-5:])
        say(
            f"More than {counted(report.points_per_day or 0, 'point')} a day were issued on "
            f"{counted(len(report.days_over), 'day')}: {listed}"
        )


def _show_money(report: BudgetReport) -> None:
    if not report.llm:
        say("LLM calls: none recorded (the offline rater costs nothing)")
    for calls in report.llm:
        cost = (
            f"{calls.cost_micros / 1e6:,.4f} {calls.currency}"
            if calls.cost_micros or calls.unpriced or calls.charged_micros
            else "free"
        )
        unpriced = f", {calls.unpriced:,} of them without a price" if calls.unpriced else ""
        say(
            f"LLM calls ({calls.purpose}, {calls.model}): {counted(calls.requests, 'request')}{unpriced}, "
            f"{counted(calls.input_tokens, 'token')} in, {calls.output_tokens:,} out: {cost}"
            + (f", and up to {calls.charged_micros / 1e6:,.4f} more" if calls.charged_micros else "")
        )
    for currency, cost_per_answer in report.cost_per_accepted_answer.items():
        say(f"That is {cost_per_answer:.6f} {currency} for each accepted answer so far")
