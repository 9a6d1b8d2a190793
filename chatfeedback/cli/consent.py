"""``consent``: publish, keep private or delete conversations at a giver's request."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.durations import duration
from chatfeedback.cli.held import held_object, held_sentences
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from chatfeedback.cli.questions import yes_or_no
from workspaces.errors import UsageError
from workspaces.grammar import counted, word_for
from workspaces.records import SharingState
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence


class By(StrEnum):
    """Who asked."""

    GIVER = "giver"
    LEAD = "lead"


Ids = Annotated[
    list[str] | None, typer.Argument(help="Conversation ids.", metavar="[ID]...", show_default=False)
]
Giver = Annotated[
    str | None,
    typer.Option("--giver", help="All conversations of this person: a pseudonym, or their name in the logs."),
]
AskedBy = Annotated[By, typer.Option("--by", help="Who asked for it.")]
Reason = Annotated[str | None, typer.Option("--reason", help="What they said; kept as you write it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="What givers ask for: publish, keep private, delete.")
    group.command()(publish)
    group.command("keep-private")(keep_private)
    group.command()(delete)
    group.command()(history)
    group.command()(finish)
    app.add_typer(group, name="consent")


def publish(
    conversations: Ids = None,
    giver: Giver = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that are held: their givers agreed, and you answer for it.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Those that are held and name this source.", metavar="NAME"),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Those that are held, of a chat log that was read, or of a list of ids, one on each line.",
            metavar="FILE",
        ),
    ] = None,
    older_than: Annotated[
        timedelta | None,
        typer.Option(
            "--older-than",
            parser=duration,
            help="Those whose delay began longer ago, such as 36h or 7d.",
            metavar="DURATION",
        ),
    ] = None,
    by: Annotated[By | None, typer.Option("--by", help="Who asked for it.", show_default="giver")] = None,
    reason: Reason = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Share conversations now, without waiting for the delay.

    By ids or by giver, private ones as well. With --all, --source, --file or --older-than, which narrow each other
    down, those that are held: you say that their givers agreed, and the history says that you did. What givers keep
    private stays so.

    Example: **chatfeedback consent publish --all**
    """
    named = bool(conversations) or giver is not None
    many = every or source is not None or file is not None or older_than is not None
    if not named and not many:
        raise UsageError(
            "which conversations? All that are held, if their givers agreed: --all; or some of these by --source NAME, "
            "--file FILE, --older-than DURATION; or name some by their ids, or all of one person by --giver PERSON"
        )
    if not many:
        asked = by or By.GIVER
        _change(SharingState.SHARED, conversations or [], giver, asked, reason, workspace, as_json)
        return
    if named:
        raise UsageError(
            "name conversations by ids or --giver, or held ones by --all, --source, --file, --older-than"
        )
    if by is By.GIVER:
        raise UsageError("that many givers agreed is the lead's word: leave out '--by giver'")
    with Workspace.open(workspace) as opened:
        total = steps.hold_of(opened).count if every and not (source or file or older_than) else None
        with progress("Publishing", total) as advance:
            published = steps.publish_held(
                opened, file=file, source=source, older_than=older_than, reason=reason, advance=advance
            )
        hold = steps.hold_of(opened)
    if as_json:
        emit_json({**asdict(published), "held": held_object(hold)})
        return
    say(
        f"{counted(published.published, 'conversation')} published, by your word that their givers agreed; "
        f"{published.shared_before:,} {word_for(published.shared_before, 'was', 'were')} shared before"
    )
    if published.private:
        stay = word_for(
            published.private, "stays private, as its giver asked", "stay private, as their givers asked"
        )
        say(f"{counted(published.private, 'conversation')} {stay}; to share one of them, name its id")
    if published.unknown:
        say(
            f"{counted(published.unknown, 'row')} of {file} {word_for(published.unknown, 'is', 'are')} not in the "
            "collection with this text and giver: "
            f"chatfeedback ingest {file} --publish"
        )
    for line in held_sentences(hold):
        say(line)
    if published.published:
        hint("chatfeedback seed")


def keep_private(
    conversations: Ids = None,
    giver: Giver = None,
    by: AskedBy = By.GIVER,
    reason: Reason = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Keep conversations out of tasks and exports; their open tasks are taken off the platforms.

    Example: **chatfeedback consent keep-private chat-17 chat-18**
    """
    _change(SharingState.PRIVATE, conversations or [], giver, by, reason, workspace, as_json)


def delete(
    conversations: Ids = None,
    giver: Giver = None,
    source: Annotated[
        str | None, typer.Option("--source", help="All that name this source.", metavar="NAME")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="All of a chat log that was read, or of a list of ids, one on each line.",
            metavar="FILE",
        ),
    ] = None,
    by: Annotated[By | None, typer.Option("--by", help="Who asked for it.", show_default="giver")] = None,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Delete conversations for good: here, on the platforms and from the next export; a receipt says so.

    By ids or by giver; or, as a log that should not have been read, by --source or --file, which narrow each other
    down. A later ingest does not bring them back. Points that annotators earned stay theirs. On a terminal it asks.

    Example: **chatfeedback consent delete chat-17**
    """
    many = source is not None or file is not None
    if many and (conversations or giver is not None):
        raise UsageError("name conversations by ids or --giver, or many by --source, --file")
    with Workspace.open(workspace) as opened:
        if many:
            found, _ = steps.named_by(opened, file=file, source=source)
            ids = sorted(found)
            if not ids:
                raise UsageError(f"no conversation here comes from {source or file}: nothing was deleted")
        else:
            ids = _requested(opened, conversations or [], giver)
        ask = many or sys.stdin.isatty()
        if (
            ask
            and not yes
            and not yes_or_no(
                f"Delete {counted(len(ids), 'conversation')} for good? Nobody can undo this.", default=False
            )
        ):
            note("Nothing was deleted.")
            raise typer.Exit(1)
        asked = by or (By.LEAD if many else By.GIVER)
        receipts = steps.delete_conversations(opened, ids, by=asked.value, reason=reason)
    if as_json:
        emit_json({"receipts": receipts})
        return
    for receipt in receipts:
        show_receipt(receipt)


def history(
    conversations: Ids = None,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show who asked for what, and when; of deleted conversations too, for whoever knows the id.

    Example: **chatfeedback consent history chat-17**
    """
    with Workspace.open(workspace) as opened:
        events = steps.history(opened, conversations or [])
    if as_json:
        emit_json(listing.as_json("events", events, limit, newest_last=True))
        return
    rows = [
        (f"{event.at:%Y-%m-%d %H:%M}", event.conversation_id, event.state, event.asked_by, event.reason)
        for event in events
    ]
    listing.long_table(
        "Consent",
        ["UTC", "conversation", "asked for", "by", "reason"],
        rows,
        limit=limit,
        everything=everything,
        newest_last=True,
        more=listing.ALL_OF_THEM,
    )


def finish(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Finish what an interrupted request left undone; nothing happens when nothing is left.

    Example: **chatfeedback consent finish**
    """
    with Workspace.open(workspace) as opened:
        completed = steps.finish_requests(opened)
    if as_json:
        emit_json({"completed": completed})
        return
    say(f"{counted(completed, 'deletion')} completed")


def show_receipt(receipt: steps.Receipt) -> None:
    """Print what a deletion removed, and the path of its receipt."""
    removed = receipt["removed"]
    say(
        f"{counted(removed['collection']['conversations'], 'conversation')} deleted; receipt: {receipt['path']}"
    )
    if judgments := removed["store"].get("imported_feedback"):
        say(f"  {counted(judgments, 'imported judgment')} deleted")
    for name, count in removed["platforms"].items():
        say(f"  {PLATFORMS[name].title}: {counted(count, 'task')} taken off")
    for name, what in removed.get("accounts", {}).items():
        say(f"  {PLATFORMS[name].title}: account {what}")
    if removed["exports_to_make_again"]:
        names = ", ".join(removed["exports_to_make_again"])
        say(f"  made before, and to be made again with 'chatfeedback export': {names}")
    for path in removed.get("copies_to_remove", []):
        say(f"  a copy of their data, for you to remove: {path}")
    for address in removed.get("published_to_replace", []):
        say(
            f"  published, to be replaced with 'chatfeedback export' and 'export push --squash-history': {address}"
        )
    if moved := removed.get("moved_or_removed"):
        say(f"  written before, and no longer there; if you moved it, it holds it still: {', '.join(moved)}")


def _change(
    state: SharingState,
    conversations: Sequence[str],
    giver: str | None,
    by: By,
    reason: str | None,
    workspace: WorkspacePath,
    as_json: bool,
) -> None:
    with Workspace.open(workspace) as opened:
        ids = _requested(opened, conversations, giver)
        changed = steps.change_sharing(opened, ids, state, by=by.value, reason=reason)
    if as_json:
        emit_json(changed)
        return
    known = (
        f", {changed.unchanged:,} {word_for(changed.unchanged, 'was', 'were')} before"
        if changed.unchanged
        else ""
    )
    say(
        f"{counted(changed.changed, 'conversation')} {word_for(changed.changed, 'is', 'are')} {state} now{known}"
    )
    for name, count in changed.withdrawn.items():
        say(f"  {PLATFORMS[name].title}: {counted(count, 'task')} taken off")


def _requested(workspace: Workspace, conversations: Sequence[str], giver: str | None) -> list[str]:
    if not conversations and giver is None:
        raise UsageError(
            "which conversations? Name them by their ids ('chatfeedback consent history' and 'chatfeedback collection "
            "search TEXT' show some), or all of one person by --giver PERSON"
        )
    person_id = None if giver is None else steps.find_person(workspace, giver)
    return steps.requested_conversations(workspace, conversations, person_id)
