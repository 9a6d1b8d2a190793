"""``gold``: tasks to which the project lead gives the right answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.errors import RowsRejectedError, UsageError
from workspaces.grammar import counted
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Tasks whose right answer you give.")
    group.command()(add)
    group.command("list")(list_gold)
    group.command()(remove)
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
        say(f"{counted(answers, 'right answer')} to {counted(len(gold.answers), 'task')}")
    if gold.rejected:
        (row, reason), more = gold.rejected[0], len(gold.rejected) - 1
        raise RowsRejectedError(
            f"{file}: row {row} {reason}" + (f" (and {counted(more, 'more row')})" if more else "")
        )


def list_gold(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """List the tasks with right answers, where they stand, and how many people found them.

    Example: **chatfeedback gold list**
    """
    with Workspace.open(workspace) as opened:
        rows = steps.list_gold(opened)
    if as_json:
        emit_json({"gold": [asdict(row) for row in rows]})
        return
    if not rows:
        say("No task is gold: give right answers with 'chatfeedback gold add FILE'")
        return
    for row in rows:
        platform = PLATFORMS[row.platform].title if row.platform in PLATFORMS else row.platform
        about = ", ".join([row.kind, platform, row.state])
        say(
            f"{row.task_id}  {about}; {row.question}: {row.answer}, "
            f"found by {row.right:,} of {counted(row.answers, 'person')}"
        )
    say(f"{counted(len(rows), 'right answer')} to {counted(len({row.task_id for row in rows}), 'task')}")
    for task_id, why in {row.task_id: row.unusable for row in rows if row.unusable}.items():
        say(
            f"Nobody can answer {task_id} any more: {why}; to take it out: chatfeedback gold remove {task_id}"
        )


def remove(
    tasks: Annotated[
        list[str] | None, typer.Argument(help="Ids of gold tasks.", metavar="[TASK]...", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Take right answers back: the tasks stay, and the next report no longer measures people by them.

    Example: **chatfeedback gold remove 5f2c09ab41d7**
    """
    if bool(tasks) == every:
        raise UsageError(
            "name gold tasks by their ids ('chatfeedback gold list' shows them), or all with --all"
        )
    with Workspace.open(workspace) as opened:
        removed = steps.remove_all_gold(opened) if every else steps.remove_gold(opened, tasks or [])
    if as_json:
        emit_json({"removed": removed})
        return
    say(f"{counted(removed, 'right answer')} removed")
