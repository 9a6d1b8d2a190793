"""``seed``, ``generate``, ``push`` and ``sync``: tasks and their answers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.generate import generate
from chatfeedback.cli.held import held_sentences
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, progress, say
from workspaces.errors import ConnectionFailedError, RowsRejectedError
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (seed, generate, push, sync):
        app.command()(command)


def seed(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Get seed feedback for every response that has none, from the configured LLM or the offline stand-in.

    Example: **chatfeedback seed**
    """
    with Workspace.open(workspace) as opened, progress("Rating responses") as advance:
        seeded = steps.seed_responses(opened, advance=advance)
        hold = steps.hold_of(opened)
    if as_json:
        emit_json(seeded)
    else:
        say(f"{seeded.rated:,} responses rated by {seeded.agent}")
        for line in held_sentences(hold):
            say(line)
    if seeded.failed:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in seeded.failures.items())
        raise RowsRejectedError(
            f"{seeded.failed} replies were unusable ({reasons}): run 'chatfeedback seed' again"
        )


def push(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put the tasks on their platforms, and say there what the configuration says now. Twice changes nothing.

    Example: **chatfeedback push**
    """
    with Workspace.open(workspace) as opened, progress("Pushing tasks") as advance:
        pushed = steps.push_tasks(opened, advance=advance)
    if as_json:
        counts = asdict(pushed)
        if not pushed.without_seed:
            del counts["without_seed"]
        if not pushed.guidelines:
            del counts["guidelines"]
        if not pushed.closed:
            del counts["closed"]
        emit_json(counts)
        return
    say(f"{pushed.total:,} tasks placed" + ("" if pushed.any else "; no task waits: chatfeedback generate"))
    if pushed.closed:
        say(
            f"{pushed.closed:,} tasks closed early and taken off: their answers settle them; the answers stay"
        )
    for platform, kinds in pushed.placed.items():
        say(
            f"  {PLATFORMS[platform].title}: "
            + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        )
    for platform, names in pushed.guidelines.items():
        say(f"  {PLATFORMS[platform].title}: the guidelines of {' and '.join(names)} are up to date again")
    if pushed.unshared:
        say(f"{pushed.unshared:,} tasks left out: their conversations are no longer shared")
    if pushed.without_seed:
        say(
            f"{pushed.without_seed:,} tasks left out: the seed feedback that they were made to show is gone; "
            "'chatfeedback seed' with the same model makes it again"
        )


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
            synced = steps.sync_answers(opened, advance=advance)
        if as_json:
            emit_json(synced)
        else:
            for name, counts in synced.items():
                say(
                    f"{PLATFORMS[name].title}: {counts.answers:,} answers in force; of what people saved there "
                    f"{counts.new:,} new, {counts.changed:,} changed, {counts.deleted:,} deleted, "
                    f"{counts.unchanged:,} known already"
                )
                if counts.strangers:
                    say(
                        f"  {counts.held_answers:,} answers by {counts.strangers:,} people who were not invited: "
                        "they wait and count for nothing: chatfeedback people review"
                    )
                if counts.disputed:
                    say(
                        f"  {counts.disputed:,} are shown as somebody other than their author made them, or are gone: "
                        "what their author said stands until you decide: chatfeedback people review"
                    )
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
        for failure in failures[:-1]:
            note(failure)
        raise ConnectionFailedError(f"{failures[-1]} ({len(failures)} not read, all the rest was)")
