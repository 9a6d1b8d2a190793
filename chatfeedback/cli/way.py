"""The way of the data, a command for each step: ``ingest``, ``collection``, ``seed``, ``generate``, ``push``,
``sync``, ``settle``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from workspaces.errors import RowsRejectedError
from workspaces.platforms.connect import TITLES
from workspaces.store.conversations import count_by_state
from workspaces.workspace import Workspace, utc_now


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (ingest, collection, seed, generate, push, sync, settle):
        app.command()(command)


def ingest(
    file: Annotated[Path, typer.Argument(help="A chat-log file: .jsonl, .jsonl.gz, .json or .parquet.")],
    publish: Annotated[
        bool, typer.Option("--publish", help="The givers agreed already: share at once, without the delay.")
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Read chat logs into the collection. The same file twice adds nothing.

    Example: **chatfeedback ingest logs.jsonl**
    """
    started = time.monotonic()
    with Workspace.open(workspace) as opened, progress(f"Reading {file.name}") as advance:
        found = steps.ingest_file(opened, file, publish=publish, advance=advance)
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        emit_json(
            {
                "format": found.format,
                "read": found.read,
                "added": found.added,
                "duplicates": found.duplicates,
                "rejected": found.rejected,
                "redactions": found.redactions,
                "reasons": found.reasons,
                "rejects_file": found.rejects_file,
                "seconds": seconds,
            }
        )
    else:
        say(
            f"{file.name} ({found.format}): {found.read:,} read, {found.added:,} added, "
            f"{found.duplicates:,} known already, {found.rejected:,} rejected, in {seconds} s"
        )
        if found.redactions:
            said = ", ".join(f"{count} {kind}" for kind, count in sorted(found.redactions.items()))
            say(f"Replaced by placeholders: {said}")
    if found.rejected:
        raise RowsRejectedError(f"{found.rejected} rows could not be read: see {found.rejects_file}")


def collection(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Share the conversations whose delay is over, and count the collection by state.

    Example: **chatfeedback collection**
    """
    with Workspace.open(workspace) as opened:
        with opened.exclusive():
            opened.collection.share_due(utc_now())
        with opened.store.read() as connection:
            states = count_by_state(connection)
    if as_json:
        emit_json({state.value: count for state, count in states.items()})
        return
    table("Collection", ["state", "conversations"], sorted(states.items()), numeric=["conversations"])


def seed(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Get seed feedback for every response that has none, from the configured LLM or the offline stand-in.

    Example: **chatfeedback seed**
    """
    with Workspace.open(workspace) as opened, progress("Rating responses") as advance:
        found = steps.seed_responses(opened, advance=advance)
    if as_json:
        emit_json(found)
    else:
        say(f"{found.rated:,} responses rated by {found.agent}")
    if found.failed:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in found.failures.items())
        raise RowsRejectedError(
            f"{found.failed} replies were unusable ({reasons}): run 'chatfeedback seed' again"
        )


def generate(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Draw tasks by the mix and price them. Tasks that exist keep their price.

    Example: **chatfeedback generate**
    """
    with Workspace.open(workspace) as opened:
        found = steps.generate_tasks(opened)
    if as_json:
        emit_json(found)
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.by_kind.items()) or "none"
    say(
        f"{found.created:,} new tasks ({kinds}) beside {found.existing:,}; at most {found.points:,} points to pay"
    )
    if found.waiting:
        say(f"{found.waiting:,} responses have no seed feedback yet: run 'chatfeedback seed' first")


def push(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put the tasks on their platforms. Pushing twice changes nothing.

    Example: **chatfeedback push**
    """
    with Workspace.open(workspace) as opened, progress("Pushing tasks") as advance:
        found = steps.push_tasks(opened, advance=advance)
    if as_json:
        emit_json(found)
        return
    say(f"{found.total:,} tasks placed")
    for platform, kinds in found.placed.items():
        say(f"  {TITLES[platform]}: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()))
    if found.unshared:
        say(f"{found.unshared:,} tasks left out: their conversations are no longer shared")


def sync(
    watch: Annotated[
        float | None,
        typer.Option("--watch", min=1, help="Go on, with a pause of so many seconds.", metavar="SECONDS"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring answers from the platforms into the store. Syncing twice changes nothing.

    Example: **chatfeedback sync --watch 30**
    """
    while True:
        with Workspace.open(workspace) as opened, progress("Reading answers") as advance:
            found = steps.sync_answers(opened, advance=advance)
        if as_json:
            emit_json(found)
        else:
            for name, it in found.items():
                say(
                    f"{TITLES[name]}: {it.new:,} new answers, {it.changed:,} changed, {it.deleted:,} deleted, "
                    f"{it.unchanged:,} known already"
                )
        if watch is None:
            return
        time.sleep(watch)


def settle(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Credit the points that answers earned since the last time. Settling twice changes nothing.

    Example: **chatfeedback settle**
    """
    with Workspace.open(workspace) as opened, progress("Settling") as advance:
        found = steps.settle_answers(opened, advance=advance)
    if as_json:
        emit_json(found)
        return
    say(
        f"{found.credited:,} points credited to {found.people:,} people"
        + (f", {found.taken_back:,} taken back" if found.taken_back else "")
        + f", in {found.corrections:,} transactions"
    )
