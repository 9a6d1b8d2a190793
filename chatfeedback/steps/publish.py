"""Publishes held conversations on the lead's word that their givers agreed, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.chats_that_wait import collect_waiting
from chatfeedback.steps.consent import ids_here
from chatfeedback.steps.redact import redactor_of
from task_generators.chat_logs import Source, accepted_rows
from workspaces.chunks import in_chunks
from workspaces.collection.sources import ids_by_source
from workspaces.errors import UsageError, reason_of
from workspaces.files import read_text
from workspaces.privacy import CHAT_LOG
from workspaces.records import SharingState
from workspaces.store import consent, conversations
from workspaces.workers import LocalWorkers
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from chatfeedback.steps.advance import Advance
    from workspaces.store.conversations import Accepted, Hold
    from workspaces.workspace import Workspace

LEAD = "lead"
BATCH = 500
"""Conversations published in one transaction."""

MAX_BYTES = 256 * 1024 * 1024
"""Of a list of ids."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did: conversations published, shared before, and private ones, which stay so.

    ``unknown`` counts rows of a file that the collection does not hold, holds with more messages, or holds from another
    giver.
    """

    published: int = 0
    shared_before: int = 0
    private: int = 0
    unknown: int = 0


def hold_of(workspace: Workspace) -> Hold:
    """Return what is held at this moment, once the conversations whose delay is over are shared."""
    now = utc_now()
    with workspace.store.read() as connection:
        return conversations.hold(connection, now, timedelta(hours=workspace.config.consent.delay_hours))


def is_collection_empty(workspace: Workspace) -> bool:
    """Return whether no conversation was ever read, or none is left."""
    with workspace.store.read() as connection:
        return not any(conversations.count_by_state(connection).values())


def publish_held(
    workspace: Workspace,
    *,
    file: Path | None = None,
    source: str | None = None,
    older_than: timedelta | None = None,
    reason: str | None = None,
    advance: Advance = ignore,
) -> Published:
    """Publish held conversations: all of them, or those that every given condition names.

    Private ones stay private: their givers said so. Killed, it leaves a part published; the next run does the rest.

    Args:
        workspace: whose conversations.
        file: a chat log whose conversations they are, or a list of ids, one on each line.
        source: the source that they name.
        older_than: their delay began longer ago: at their own time, or when they were read if they tell none.
        reason: what the history says; None: that the givers agreed.
        advance: called with the number of conversations looked at.

    Raises:
        UsageError: the file cannot be read, or no conversation names the source.
    """
    collect_waiting(workspace)
    now = utc_now()
    with workspace.exclusive():
        workspace.collection.share_due(now)
        delay = timedelta(hours=workspace.config.consent.delay_hours)
        with workspace.store.read() as connection:
            held = conversations.held_before(
                connection, None if older_than is None else now + delay - older_than
            )
            private = conversations.ids_in(connection, SharingState.PRIVATE)
            shared = conversations.ids_in(connection, SharingState.SHARED)
        wanted: set[str] | None = None
        unknown = 0
        if file is not None or source is not None:
            wanted, unknown = _named(workspace, file, source)
            held = [name for name in held if name in wanted]
        published = 0
        for names in in_chunks(held, BATCH):
            published += publish(workspace, names, reason or "the givers agreed, says the lead")
            advance(len(names))
    return Published(
        published,
        len(shared if wanted is None else shared & wanted),
        len(private if wanted is None else private & wanted),
        unknown,
    )


def named_by(
    workspace: Workspace, *, file: Path | None = None, source: str | None = None
) -> tuple[set[str], int]:
    """Return the conversations that come from a file and from a source, whatever their state, of those that both name.

    Chats that wait for the collection are moved there first.

    Returns:
        The ids, and how many rows of the file are no conversation of the collection.

    Raises:
        UsageError: the file cannot be read, or no conversation names the source.
    """
    collect_waiting(workspace)
    return _named(workspace, file, source)


def _named(workspace: Workspace, file: Path | None, source: str | None) -> tuple[set[str], int]:
    wanted, unknown = (None, 0) if file is None else _in_file(workspace, file)
    if source is not None:
        named = _from_source(workspace, source)
        wanted = named if wanted is None else wanted & named
    return wanted or set(), unknown


def publish(workspace: Workspace, conversation_ids: Sequence[str], reason: str) -> int:
    """Share those of these conversations that are held, on the lead's word; return how many there were.

    The state and its place in the history change in one transaction. The caller holds the lock of the workspace.
    """
    now = utc_now()
    with workspace.store.write() as connection:
        entries = conversations.entries_of(connection, conversation_ids)
        held = sorted(name for name, entry in entries.items() if entry.state is SharingState.HELD)
        conversations.set_state(connection, held, SharingState.SHARED, now)
        consent.record_events(connection, dict.fromkeys(held, LEAD), SharingState.SHARED, now, reason)
    return len(held)


def publish_rows(workspace: Workspace, rows: Sequence[Accepted], reason: str) -> int:
    """Share the held conversations under which rows of a chat log stand in the collection; return how many.

    A row that is only the beginning of what is stored says nothing of the messages that came later.
    """
    with workspace.store.read() as connection:
        entries = conversations.standing(connection, rows)
    held = {
        entry.conversation_id
        for row, entry in zip(rows, entries, strict=True)
        if entry is not None
        and entry.state is SharingState.HELD
        and (row.is_piece or row.content_hash == entry.content_hash)
    }
    return publish(workspace, sorted(held), reason) if held else 0


def _from_source(workspace: Workspace, name: str) -> set[str]:
    sources = ids_by_source(workspace.collection)
    if name not in sources:
        known = ", ".join(repr(each) for each in sources if each) or "none"
        raise UsageError(f"no conversation comes from the source {name!r}; sources here: {known}")
    return sources[name]


def _in_file(workspace: Workspace, file: Path) -> tuple[set[str], int]:
    """Return the ids of the conversations that a file names or holds, and how many of its rows are none of them."""
    names = ids_here(workspace, _listed(file))
    with workspace.store.read() as connection:
        known = conversations.entries_of(connection, names) if names else {}
    if known:
        return set(known), len(names) - len(known)
    found: set[str] = set()
    unknown = 0
    for rows in _rows(workspace, file):
        with workspace.store.read() as connection:
            entries = conversations.standing(connection, rows)
        for row, entry in zip(rows, entries, strict=True):
            if entry is not None and row.content_hash == entry.content_hash:
                found.add(entry.conversation_id)
            else:
                unknown += 1
    return found, unknown


def _listed(file: Path) -> list[str]:
    """Return the lines of a text file without blank ones; empty if it is no text."""
    try:
        lines = read_text(file, MAX_BYTES).splitlines()
    except UnicodeDecodeError:
        return []
    except OSError as error:
        if not file.is_file():
            raise UsageError(f"{file} cannot be read: {reason_of(error)}") from None
        return []
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _rows(workspace: Workspace, file: Path) -> Iterator[list[Accepted]]:
    """Yield the rows of a chat log as they would be read into the collection; nothing is stored."""

    def known_giver(name: str) -> str | None:
        return workspace.pseudonyms.find(name, (CHAT_LOG,))

    source = Source(file, workspace.config.chat_logs.csv_columns)
    yield from accepted_rows(source, redactor_of(workspace), known_giver, LocalWorkers(1))
