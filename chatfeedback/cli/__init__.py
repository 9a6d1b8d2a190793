"""The command line: one group of commands, in modules by topic."""

from __future__ import annotations

from typing import Annotated

import typer

from chatfeedback.cli.lazy_commands import MARKUP, LazyGroup
from workspaces.registry import PLATFORMS

_TITLES = " and ".join(", ".join(platform.title for platform in PLATFORMS.values()).rsplit(", ", 1))

app = typer.Typer(
    cls=LazyGroup,
    name="chatfeedback",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
)

DISTRIBUTION = "chatfeedback-workbench"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

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


__all__ = ["app"]
