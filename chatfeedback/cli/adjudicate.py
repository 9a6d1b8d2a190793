"""``adjudicate``: items on which people disagree, decided by the lead or by a person whom they trust."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, say
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.workspace import Workspace

SHOWN = 20

TaskId = Annotated[str, typer.Argument(help="The id of a disputed task.", metavar="TASK")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Items on which people disagree, for you to decide.")
    group.command("list")(list_disputed)
    group.command()(show)
    group.command()(decide)
    group.command("take-back")(take_back)
    app.add_typer(group, name="adjudicate")


def list_disputed(
    decided: Annotated[bool, typer.Option("--decided", help="Also what was decided.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="The most tasks to list; 0: all.")] = SHOWN,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List tasks that have all their answers, and questions on which these differ.

    Example: **chatfeedback adjudicate list**
    """
    with Workspace.open(workspace) as opened:
        tasks = steps.disputed_tasks(opened, decided=decided)
    shown = tasks if limit == 0 else tasks[:limit]
    if as_json:
        emit_json({"total": len(tasks), "tasks": [asdict(task) for task in shown]})
        return
    for task in shown:
        say(f"{task.task_id}  {task.kind}")
        for question, votes in task.answers.items():
            counts = ", ".join(f"{value} {count}" for value, count in votes.items())
            say(f"    {question}: {counts}{' (decided)' if question in task.decided else ''}")
    say(
        f"{counted(len(tasks), 'disputed task')}{f', {len(shown):,} shown' if len(shown) < len(tasks) else ''}"
    )
    if shown:
        hint("chatfeedback adjudicate show TASK")


def show(task: TaskId, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Show a disputed task: its texts, and every answer without a name.

    Example: **chatfeedback adjudicate show 6f1e5b0c9a7d4e2f8b3c1d0a**
    """
    with Workspace.open(workspace) as opened:
        item = steps.disputed_item(opened, task)
    if as_json:
        emit_json(asdict(item))
        return
    for title, turns in item.chats.items():
        say(f"== {title}")
        for turn in turns:
            say(f"{turn.speaker}:")
            say(turn.text)
    for number, values in enumerate(item.answers, start=1):
        say(f"== Answer {number}")
        for question, value in values.items():
            say(f"{question}: {value}")
    for question, value in item.decided.items():
        say(f"== Decided: {question}: {value}")
    say("== Questions")
    for question, options in item.asked.items():
        say(f"{question}: {', '.join(options)}")
    hint(
        f"chatfeedback adjudicate decide {item.task_id} QUESTION=ANSWER, with answers in the order of display"
    )


def decide(
    task: TaskId,
    answers: Annotated[
        list[str],
        typer.Argument(help="The right answers, such as helpful=no.", metavar="QUESTION=ANSWER..."),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="Who decides, if not you: refused where they have a part in it.",
            metavar="PERSON",
        ),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Decide questions of a disputed task, with answers in the order of display.

    The decision holds in the next report and export, whatever the votes, and is marked there as adjudicated. It is no
    vote and earns nothing. If you have an account yourself, give it with --by.
    Example: **chatfeedback adjudicate decide 6f1e5b0c9a7d4e2f8b3c1d0a helpful=no**
    """
    given: dict[str, str] = {}
    for each in answers:
        question, is_pair, value = each.partition("=")
        if not is_pair or question.strip() in given:
            raise UsageError(f"{each!r} cannot be read: give each question once, as QUESTION=ANSWER")
        given[question.strip()] = value.strip()
    with Workspace.open(workspace) as opened:
        person = None if by is None else steps.find_person(opened, by)
        made = steps.adjudicate(opened, task, given, person_id=person)
    if as_json:
        emit_json([asdict(each) for each in made])
        return
    say(f"{counted(len(made), 'question')} of task {task} decided")
    hint("chatfeedback report")


def take_back(task: TaskId, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Take back what was decided about a task: the votes count again.

    Example: **chatfeedback adjudicate take-back 6f1e5b0c9a7d4e2f8b3c1d0a**
    """
    with Workspace.open(workspace) as opened:
        taken = steps.take_back(opened, task)
    if as_json:
        emit_json({"taken_back": taken})
        return
    say(f"{counted(taken, 'decision')} taken back")
    hint("chatfeedback report")
