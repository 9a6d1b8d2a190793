"""``tasks``: the tasks of a workspace, and where each stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, say
from chatfeedback.cli.questions import yes_or_no
from workspaces.errors import UsageError
from workspaces.grammar import counted, word_for
from workspaces.kinds import asked_kinds
from workspaces.records import TaskState
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="The tasks, and where each stands.")
    group.command("list")(list_tasks)
    group.command()(withdraw)
    group.command()(reprice)
    app.add_typer(group, name="tasks")


def list_tasks(
    kind: Annotated[
        str | None, typer.Option("--kind", help="Of this kind, such as preference.", metavar="KIND")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Of this platform, such as argilla.", metavar="NAME")
    ] = None,
    state: Annotated[
        TaskState | None,
        typer.Option(
            "--state",
            help="Not pushed yet, open, answered by enough people, no longer shared, or rejected.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="About an answer of this model.", metavar="NAME")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Whose conversation contains this text.", metavar="TEXT")
    ] = None,
    by_value: Annotated[
        bool, typer.Option("--by-value", help="First those of which one more answer is worth most.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="The most tasks to list; 0: all.")] = SHOWN,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List tasks: kind, platform, state, answers, points, and the prompt that they are about.

    Example: **chatfeedback tasks list --state open --kind preference**
    """
    platform = _one_of("platform", platform, {entry.slug: name for name, entry in PLATFORMS.items()})
    with Workspace.open(workspace) as opened:
        kind = _one_of("kind", kind, {name: name for name in asked_kinds()})
        listed = steps.list_tasks(
            opened,
            steps.TaskFilter(kind, platform, state, model, text, by_value),
            None if limit == 0 else limit,
        )
    if as_json:
        emit_json({"total": listed.total, "tasks": [asdict(task) for task in listed.tasks]})
        return
    for task in listed.tasks:
        title = PLATFORMS[task.platform].title if task.platform in PLATFORMS else task.platform
        about = [
            task.kind,
            title,
            task.state,
            f"{task.answers:,} of {counted(task.overlap, 'answer')}",
            counted(task.points, "point"),
            f"value {task.value:.2f}",
        ]
        about += ["gold"] * task.gold + [f"asks {task.reask_of} again"] * (task.reask_of is not None)
        written = [counted(task.rewrites, "rewrite")] if task.rewrites else []
        say(f"{task.id}  {', '.join(about)}; {' and '.join([*task.models, *written]) or 'no model is named'}")
        say(f"    {task.prompt}")
        if task.rejected_because is not None:
            say(f"    rejected: {task.rejected_because}")
    if not listed.total:
        say("No task is like this; 'chatfeedback tasks list' without options lists all")
    elif listed.total > len(listed.tasks):
        say(
            f"{len(listed.tasks):,} of {listed.total:,} shown: --limit {listed.total} shows all, and --kind, "
            "--platform, --state, --model, --text fewer"
        )
    else:
        say(counted(listed.total, "task"))


def reprice(
    kind: Annotated[
        str | None, typer.Option("--kind", help="Of this kind, such as preference.", metavar="KIND")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Of this platform, such as argilla.", metavar="NAME")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many, and change none.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Offer tasks at the rates that hold now. What somebody answered, began or was shown keeps its points.

    Tasks are taken off their platform for it, and the next push places them again.
    Example: **chatfeedback tasks reprice --dry-run**
    """
    platform = _one_of("platform", platform, {entry.slug: name for name, entry in PLATFORMS.items()})
    with Workspace.open(workspace) as opened:
        kind = _one_of("kind", kind, {name: name for name in asked_kinds()})
        done = steps.reprice_tasks(opened, steps.TaskFilter(kind, platform), dry_run=dry_run)
    if as_json:
        emit_json(done)
        return
    would = "would offer" if dry_run else word_for(done.changed, "offers", "offer")
    say(
        f"{counted(done.changed, 'task')} {would} {counted(done.after, 'point')} an answer each in all, "
        f"and not {done.before:,}"
    )
    if done.promised:
        say(
            f"{counted(done.promised, 'task')} {word_for(done.promised, 'keeps its', 'keep their')} points: somebody "
            "answered, began or saw them, or may have"
        )
    if done.changed and not dry_run:
        hint("chatfeedback push")


def withdraw(
    kind: Annotated[
        str | None, typer.Option("--kind", help="Of this kind, such as preference.", metavar="KIND")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Of this platform, such as argilla.", metavar="NAME")
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Leave this many, the most valuable ones.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many, and take none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Take tasks that nobody answered off the platforms and out of the workspace; what was begun stays.

    'generate' may draw them again: set mix.limit in chatfeedback.yaml first. Gold stays, and what is asked again.
    Example: **chatfeedback tasks withdraw --keep 100 --yes**
    """
    platform = _one_of("platform", platform, {entry.slug: name for name, entry in PLATFORMS.items()})
    with Workspace.open(workspace) as opened:
        kind = _one_of("kind", kind, {name: name for name in asked_kinds()})
        wanted = steps.TaskFilter(kind, platform)
        done = steps.withdraw_unanswered(opened, wanted, keep=keep, dry_run=True)
        if not dry_run and done.gone:
            if not yes and not yes_or_no(f"Take {counted(done.gone, 'task')} away?", default=False):
                note("Nothing was taken away.")
                raise typer.Exit(1)
            done = steps.withdraw_unanswered(opened, wanted, keep=keep)
    if as_json:
        emit_json(done)
        return
    would = "would be" if dry_run else word_for(done.gone, "is", "are")
    say(f"{counted(done.gone, 'task')} that nobody answered {would} gone, {done.kept:,} kept")
    if done.begun:
        say(f"{counted(done.begun, 'task')} {word_for(done.begun, 'stays', 'stay')}: somebody has just begun")
    if done.gone:
        note("The next 'chatfeedback generate' may draw them again: see mix.limit in chatfeedback.yaml.")


def _one_of(option: str, given: str | None, names: dict[str, str]) -> str | None:
    """Return the stored name for what an option gives: one of the keys or values of ``names``."""
    if given is None:
        return None
    found = names.get(given.casefold()) or next((name for name in names.values() if name == given), None)
    if found is None:
        raise UsageError(f"--{option} cannot be {given!r}: it is one of {', '.join(names)}")
    return found
