"""``gold``: tasks to which the project lead gives the right answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.errors import RowsRejectedError
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Tasks whose right answer you give.")
    group.command()(add)
    app.add_typer(group, name="gold")


def add(
    file: Annotated[Path, typer.Argument(help="Right answers: YAML or CSV.", metavar="FILE")],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Give the right answers to some tasks, to see in the report how often each person finds them.

    A row names a task, or a message that is rated, and answers: `- {message: ID, helpful: no, toxic: na}` or
    `- {task: ID, preference: a}` as displayed. Nobody sees these answers; people's own go into training sets as ever.
    Example: **chatfeedback gold add gold.yaml**
    """
    with Workspace.open(workspace) as opened:
        gold = steps.add_gold(opened, file)
    answers = sum(map(len, gold.answers.values()))
    if as_json:
        emit_json({"tasks": len(gold.answers), "answers": answers, "rejected": gold.rejected})
    else:
        say(f"{answers:,} right answers to {len(gold.answers):,} tasks")
    if gold.rejected:
        (row, reason), more = gold.rejected[0], len(gold.rejected) - 1
        raise RowsRejectedError(
            f"{file}: row {row} {reason}" + (f" (and {more:,} more rows)" if more else "")
        )
