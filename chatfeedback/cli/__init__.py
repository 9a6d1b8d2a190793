"""The command line: one group, its commands by what they are about."""

from __future__ import annotations

import typer

from chatfeedback.cli import (
    budget,
    collection,
    consent,
    demo,
    demographics,
    export,
    gold,
    ingest,
    leaderboard,
    ledger,
    people,
    points,
    report,
    servers,
    setup,
    tasks,
)

app = typer.Typer(
    name="chatfeedback",
    help="Paid human feedback on shared LLM chat logs, inside Argilla and Label Studio.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for _module in (
    setup,
    servers,
    ingest,
    collection,
    consent,
    tasks,
    gold,
    points,
    leaderboard,
    ledger,
    budget,
    report,
    demographics,
    export,
    people,
    demo,
):
    _module.register(app)

__all__ = ["app"]
