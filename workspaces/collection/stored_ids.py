"""The ids of the messages that are stored, and those of them that stand in several conversations; no text is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.collection.opening import opened_part
from workspaces.message_ids import is_within
from workspaces.records import SharingState
from workspaces.store import conversations as register
from workspaces.store.parts import parts_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from workspaces.store import Store

_COLUMNS = ("conversation_id", "conversation.list.element.id")


def stored_ids(folder: Path, store: Store, conversation_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the message ids of these conversations, as far as they are stored, by conversation id."""
    with store.read() as connection:
        entries = register.entries_of(connection, sorted(set(conversation_ids)))
    ids_by_file: dict[str, set[str]] = {}
    for entry in entries.values():
        if entry.state != SharingState.DELETED:
            ids_by_file.setdefault(entry.part, set()).add(entry.conversation_id)
    return {
        name: message_ids
        for file, wanted in sorted(ids_by_file.items())
        for name, message_ids in _ids_in(folder / file, wanted)
    }


def shared_ids(folder: Path, store: Store) -> dict[str, list[str]]:
    """Return the message ids that stand in several conversations, with the ids of these; only ids are read."""
    with store.read() as connection:
        files = parts_in(connection)
    holders: dict[str, set[str]] = {}
    for file in files:
        for name, message_ids in _ids_in(folder / file):
            for message_id in message_ids:
                if not is_within(name, message_id):
                    holders.setdefault(message_id, set()).add(name)
                    if (other := message_id.rpartition("#")[0]) and other != name:
                        holders[message_id].add(other)
    suspects = {it: names for it, names in holders.items() if len(names) > 1}
    stored = stored_ids(folder, store, {name for names in suspects.values() for name in names})
    found = {
        it: sorted(name for name in names if it in stored.get(name, ())) for it, names in suspects.items()
    }
    return {it: names for it, names in sorted(found.items()) if len(names) > 1}


def _ids_in(path: Path, wanted: set[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield the conversations of a file (None: all) with the ids of their messages; texts are not read."""
    with opened_part(path) as file:
        for batch in file.iter_batches(columns=list(_COLUMNS), use_threads=False):
            names = batch.column("conversation_id").to_pylist()
            messages = batch.column("conversation")
            ids, offsets = messages.flatten().field("id").to_pylist(), messages.offsets.to_pylist()
            for place, name in enumerate(names):
                if wanted is None or name in wanted:
                    start, end = (offset - offsets[0] for offset in offsets[place : place + 2])
                    yield name, ids[start:end]
