"""``push``: tasks go to their platforms."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.drifts import drift_lines
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from workspaces.errors import WorkbenchError, together
from workspaces.grammar import counted, word_for
from workspaces.records import Side
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping


SHOWN = 10
"""Rejected tasks that a push names; ``tasks list`` names all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(push)


def push(
    retry: Annotated[
        bool, typer.Option("--retry", help="Send those again that a platform rejected before.")
    ] = False,
    settings: Annotated[
        Side | None,
        typer.Option(
            help="Where somebody changed settings on a platform: write ours again, or leave theirs.",
        ),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Put the tasks on their platforms, and say there what the configuration says now. Twice changes nothing.

    A task that its platform does not take is rejected with the reason, and the others go on.
    Example: **chatfeedback push**
    """
    with Workspace.open(workspace) as opened, progress("Pushing tasks") as advance:
        failures: list[WorkbenchError] = []
        if retry:
            steps.retry_rejected(opened)
        pushed = steps.push_tasks(
            opened, advance=advance, tell=advance.tell, failures=failures, side=settings
        )
        warning = steps.old_texts_warning(opened)
    if pushed.any or not failures:
        _show_pushed(pushed, warning, as_json=as_json, whole=not failures)
    if failures:
        raise together(failures)


def _show_pushed(pushed: steps.Pushed, warning: str | None, *, as_json: bool, whole: bool) -> None:
    """Print what a push did; without ``whole`` some platform failed, and no task need be waiting elsewhere."""
    if as_json:
        always = ("placed", "unshared")
        counts = {name: it for name, it in asdict(pushed).items() if it or name in always}
        emit_json(counts | ({"warnings": [warning]} if warning else {}))
        return
    if warning:
        note(f"warning: {warning}")
    for platform, count in pushed.lost.items():
        say(
            f"{PLATFORMS[platform].title}: {counted(count, 'task')} did not stand there any more; answers that were "
            "read before stand and count"
        )
    say(
        f"{counted(pushed.total, 'task')} placed"
        + (
            "; no task waits. More: chatfeedback generate; answers: chatfeedback sync"
            if whole and not pushed.any
            else ""
        )
    )
    if pushed.closed:
        say(
            f"{counted(pushed.closed, 'task')} closed early and taken off: the answers settle "
            f"{word_for(pushed.closed, 'it', 'them')}, and stay"
        )
    for platform, kinds in pushed.placed.items():
        say(f"  {PLATFORMS[platform].title}: " + _listed(kinds))
    for platform, names in pushed.guidelines.items():
        say(f"  {PLATFORMS[platform].title}: the guidelines of {' and '.join(names)} are up to date again")
    for line in drift_lines(pushed.drifts):
        note(line)
    if pushed.later:
        say(
            f"{counted(pushed.later, 'task')} {word_for(pushed.later, 'waits', 'wait')} in the workspace for a later "
            "run: as many stand there as people need now"
        )
    if pushed.answered:
        say(
            f"{counted(pushed.answered, 'task')} {word_for(pushed.answered, 'has', 'have')} no place there and "
            f"{word_for(pushed.answered, 'wants', 'want')} none: all answers are there"
        )
    if pushed.unshared:
        say(
            f"{counted(pushed.unshared, 'task')} left out: "
            f"{word_for(pushed.unshared, 'its conversation is', 'their conversations are')} no longer shared"
        )
    if pushed.without_seed:
        say(
            f"{counted(pushed.without_seed, 'task')} left out: the seed feedback that "
            f"{word_for(pushed.without_seed, 'it was', 'they were')} made to show is gone; "
            "'chatfeedback seed' with the same model makes it again"
        )
    if pushed.rejected or pushed.still_rejected:
        _say_rejected(pushed)
    if pushed.moot:
        say(
            f"{counted(pushed.moot, 'task')} left out: the rewrite that "
            f"{word_for(pushed.moot, 'it shows', 'each of them shows')} was changed or withdrawn since, or is accepted "
            "no more"
        )
    if pushed.any and pushed.routed:
        hint("chatfeedback route: until then nobody finds a task where people are given their own")
    elif pushed.any:
        hint("chatfeedback people invite EMAIL; once people have answered: chatfeedback sync")


def _say_rejected(pushed: steps.Pushed) -> None:
    """Say which tasks their platforms did not take; all the rest went on."""
    for task in pushed.rejected[:SHOWN]:
        note(f"{task.task_id} rejected by {PLATFORMS[task.platform].title}: {task.reason}")
    total = len(pushed.rejected) + pushed.still_rejected
    before = (
        f", {pushed.still_rejected:,} of them before" if pushed.still_rejected and pushed.rejected else ""
    )
    say(
        f"{counted(total, 'task')} rejected{before}: {word_for(total, 'its platform does', 'their platforms do')} not "
        "take what it shows. 'chatfeedback tasks list --state rejected' says why; 'chatfeedback push --retry' sends "
        f"{word_for(total, 'it', 'them')} again, and so does push once it shows something else"
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
