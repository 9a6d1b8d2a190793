"""What feedback costs: ``budget``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.steps import BudgetReport

BAR = 40
"""Characters of the longest bar."""


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
        found = steps.budget_report(opened)
    if as_json:
        emit_json(asdict(found) | {"issued": {f"{day}": kinds for day, kinds in found.issued.items()}})
        return
    _show_days(found, days)
    _show_points(found)
    _show_money(found)


def _show_days(found: BudgetReport, days: int) -> None:
    kinds = sorted({kind for issued in found.issued.values() for kind in issued})
    listed = list(found.issued.items())[-days:]
    rows = [
        (f"{day}", *(issued.get(kind, 0) for kind in kinds), sum(issued.values())) for day, issued in listed
    ]
    table("Points issued", ["day", *kinds, "all"], rows, numeric=[*kinds, "all"])
    longest = max([found.points_per_day or 0, *(sum(issued.values()) for _, issued in listed), 1])
    for day, issued in listed:
        points = sum(issued.values())
        over = f", over the budget of {found.points_per_day:,}" if day in found.days_over else ""
        say(f"{day} {'█' * round(BAR * max(0, points) / longest)} {points:,}{over}")


def _show_points(found: BudgetReport) -> None:
    coming = found.forecast
    say(f"Issued: {found.issued_total:,} points for {found.accepted_answers:,} accepted answers")
    if found.unsettled:
        say(f"Not settled yet: {found.unsettled:,} points; run 'chatfeedback settle'")
    say(
        f"To come: about {coming.expected:,} points ({coming.low:,} to {coming.high:,}, {coming.most:,} at most) "
        f"for {found.answers_to_come:,} answers that {found.open_tasks:,} open tasks ask for, without bonuses"
    )
    if found.left is not None:
        left = f"{found.left:,} left" if found.left >= 0 else f"{-found.left:,} too many are promised"
        say(f"Budget: {found.points_total:,} points in all; {left} beyond what is earned and promised")
    if found.days_over:
        listed = ", ".join(f"{day}" for day in found.days_over[-5:])
        say(
            f"More than {found.points_per_day:,} points a day were issued on {len(found.days_over)} days: {listed}"
        )


def _show_money(found: BudgetReport) -> None:
    if not found.llm:
        say("LLM calls: none recorded (the offline rater costs nothing)")
    for it in found.llm:
        cost = f"{it.cost_micros / 1e6:,.4f} {it.currency}" if it.cost_micros or it.unpriced else "free"
        unpriced = f", {it.unpriced:,} of them without a price" if it.unpriced else ""
        say(
            f"LLM calls ({it.purpose}, {it.model}): {it.requests:,} requests{unpriced}, {it.input_tokens:,} tokens in, "
            f"{it.output_tokens:,} out: {cost}"
        )
    for currency, cost_each in found.cost_per_accepted_answer.items():
        say(f"That is {cost_each:.6f} {currency} for each accepted answer so far")
