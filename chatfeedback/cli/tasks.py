"""``generate``, ``push`` and ``sync``: tasks and their answers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from workspaces.errors import ConnectionFailedError, WorkbenchError, together
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspaces.sync import Synced


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (push, sync):
        app.command()(command)


def push(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put the tasks on their platforms, and say there what the configuration says now. Twice changes nothing.

    Example: **chatfeedback push**
    """
    with Workspace.open(workspace) as opened, progress("Pushing tasks") as advance:
        failures: list[WorkbenchError] = []
        pushed = steps.push_tasks(opened, advance=advance, failures=failures)
        warning = steps.old_texts_warning(opened)
    if pushed.any or not failures:
        _show_pushed(pushed, warning, as_json=as_json, whole=not failures)
    if failures:
        raise together(failures)


def _show_pushed(pushed: steps.Pushed, warning: str | None, *, as_json: bool, whole: bool) -> None:
    """Print what a push did; without ``whole`` some platform failed, and no task need be waiting elsewhere."""
    if as_json:
        rare = ("without_seed", "moot", "guidelines", "lost", "answered", "closed", "later", "routed")
        counts = {name: it for name, it in asdict(pushed).items() if it or name not in rare}
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
        + ("; no task waits: chatfeedback generate" if whole and not pushed.any else "")
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
    if pushed.moot:
        say(
            f"{counted(pushed.moot, 'task')} left out: the rewrite that "
            f"{word_for(pushed.moot, 'it judges', 'each of them judges')} was changed or withdrawn since"
        )
    if pushed.any and pushed.routed:
        hint("chatfeedback route: until then nobody finds a task where people are given their own")
    elif pushed.any:
        hint("chatfeedback people invite EMAIL; once people have answered: chatfeedback sync")


def sync(
    watch: Annotated[
        float | None,
        typer.Option("--watch", min=1, help="Go on, with a pause of so many seconds.", metavar="SECONDS"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring answers from the platforms into the store. Syncing twice changes nothing.

    What cannot be read is named, and all the rest is read; the command then exits with 4. With --watch it goes on.
    Example: **chatfeedback sync --watch 30**
    """
    while True:
        with Workspace.open(workspace) as opened, progress("Reading answers") as advance:
            failed: list[WorkbenchError] = []
            synced = steps.sync_answers(opened, advance=advance, failed=failed)
        if as_json:
            emit_json(synced)
        else:
            for name, counts in synced.items():
                for line in _synced(name, counts):
                    say(line)
        failures = [
            f"{PLATFORMS[name].title}: {failure}"
            for name, counts in synced.items()
            for failure in counts.failures
        ]
        if watch is None:
            break
        for failure in failures:
            note(failure)
        time.sleep(watch)
    if failures:
        rest = ConnectionFailedError(f"{'; '.join(failures)}{_rest(synced, failures)}")
        raise type(together([*failed, rest]))(str(rest))
    if not as_json:
        hint("chatfeedback settle")


def _synced(name: str, counts: Synced) -> Iterator[str]:
    """Yield what was read from a platform, and what waits for the lead."""
    saved = (
        (counts.new, "new"),
        (counts.changed, "changed"),
        (counts.deleted, "deleted"),
        (counts.unchanged, "known already"),
    )
    figures = ", ".join(f"{count:,} {what}" for count, what in saved)
    yield (
        f"{PLATFORMS[name].title}: {counted(counts.answers, 'answer')} in force; of what people saved there {figures}"
    )
    if counts.strangers:
        yield (
            f"  {counted(counts.held_answers, 'answer')} by {counted(counts.strangers, 'person')} who "
            f"{word_for(counts.strangers, 'was', 'were')} not invited: held, and in no figure until you decide: "
            "chatfeedback people review"
        )
    if counts.lost:
        yield (
            f"  {counted(counts.lost, 'answer')} that {word_for(counts.lost, 'was', 'were')} read before "
            f"{word_for(counts.lost, 'is', 'are')} not there any more, because the server was restored from an older "
            "copy: what was read stands and counts"
        )
    if counts.disputed:
        yield (
            f"  {counted(counts.disputed, 'answer')} {word_for(counts.disputed, 'is', 'are')} shown as somebody other "
            "than the author made it, or gone: what the author said stands until you decide: chatfeedback people review"
        )


def _rest(synced: Mapping[str, Synced], failures: Sequence[str]) -> str:
    """Return how many failures there were, if several, and whether anything was read."""
    more = f"{len(failures):,} failures; " if len(failures) > 1 else ""
    read = any(
        not each.failures or each.new or each.changed or each.deleted or each.unchanged
        for each in synced.values()
    )
    return f" ({more}{'all the rest was read' if read else 'nothing was read'})"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
