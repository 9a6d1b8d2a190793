"""The command line: one group of commands, in modules by topic."""

from __future__ import annotations

from typing import Annotated

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
    ranking,
    report,
    seed,
    servers,
    setup,
    task_list,
    tasks,
)
from workspaces.registry import PLATFORMS

_TITLES = " and ".join(", ".join(platform.title for platform in PLATFORMS.values()).rsplit(", ", 1))

app = typer.Typer(
    name="chatfeedback",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

DISTRIBUTION = "chatfeedback-workbench"


def _print_version(wanted: bool) -> None:
    from importlib.metadata import version

    if wanted:
        typer.echo(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback(help=f"Paid human feedback on shared LLM chat logs, inside {_TITLES}.")
def _group(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Handle the options that stand before a command."""


for _module in (
    setup,
    servers,
    ingest,
    collection,
    consent,
    seed,
    tasks,
    task_list,
    gold,
    points,
    leaderboard,
    ledger,
    budget,
    report,
    ranking,
    demographics,
    export,
    people,
    demo,
):
    _module.register(app)

__all__ = ["app"]
