"""The collection: every chat log of a workspace, with its giver's consent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.collection.parts import clear_leftovers, read_part, remove_from_part, write_part
from workspaces.records import Conversation, SharingState, stable_id
from workspaces.store import conversations as register

if TYPE_CHECKING:
    from collections.abc import Collection as AbstractCollection
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.privacy import Tombstones
    from workspaces.store import Store


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch. ``conflicting`` are the positions in it of conversations whose id stands in the
    collection with another text; ``deleted`` counts those that were deleted once and stay so.
    """

    added: int
    duplicates: int
    conflicting: tuple[int, ...]
    deleted: int = 0


class Collection:
    """Parquet files under the workspace, registered in the store.

    A conversation belongs to the collection when the store says so: its text is written first, so a run that is
    killed in between leaves a file that nobody refers to, and the next run writes it again.
    """

    def __init__(self, folder: Path, store: Store, tombstones: Tombstones | None = None) -> None:
        self._folder = folder
        self._store = store
        self._tombstones = tombstones

    def append(self, conversations: Sequence[Conversation], *, now: datetime, delay: timedelta) -> Appended:
        """Add the conversations that are new, held until ``delay`` after their own time (or after ``now``)."""
        contents = [content_hash(conversation) for conversation in conversations]
        with self._store.read() as connection:
            known = register.content_hashes(connection, [item.id for item in conversations])
            known_content = register.known_contents(connection, contents)
            deleted = self._deleted(connection, conversations, contents)
        new: dict[str, Conversation] = {}
        conflicting: list[int] = []
        for position, conversation in enumerate(conversations):
            content = contents[position]
            if deleted[position]:
                continue
            if conversation.id in known:
                if known[conversation.id] != content:
                    conflicting.append(position)
            elif content not in known_content:
                known[conversation.id] = content
                known_content.add(content)
                new[conversation.id] = conversation
        if new:
            part = f"part-{stable_id(*(f'{key}:{known[key]}' for key in new))}.parquet"
            self._folder.mkdir(parents=True, exist_ok=True)
            write_part(self._folder / part, list(new.values()))
            with self._store.write() as connection:
                register.register(
                    connection,
                    [
                        register.ConversationEntry(
                            conversation_id=conversation.id,
                            content_hash=known[conversation.id],
                            part=part,
                            giver_id=conversation.giver_id,
                            state=SharingState.HELD,
                            # a log cannot be from the future: a wrong clock must not hold it for ever
                            share_at=min(conversation.timestamp or now, now) + delay,
                            added_at=now,
                        )
                        for conversation in new.values()
                    ],
                )
        return Appended(
            added=len(new),
            duplicates=len(conversations) - len(new) - len(conflicting) - sum(deleted),
            conflicting=tuple(conflicting),
            deleted=sum(deleted),
        )

    def share_due(self, now: datetime) -> int:
        """Share the conversations whose delay is over; return how many."""
        with self._store.write() as connection:
            return register.share_due(connection, now)

    def remove(self, conversation_ids: AbstractCollection[str]) -> int:
        """Take conversations out of their files, then out of the store; return how many files were rewritten.

        Killed half-way, it does the rest when it is called again. What killed runs left behind goes as well.
        Call it while the workspace is locked.
        """
        wanted = sorted(set(conversation_ids))
        with self._store.read() as connection:
            parts = register.parts_holding(connection, wanted)
        for part, ids in sorted(parts.items()):
            remove_from_part(self._folder / part, ids)
        with self._store.write() as connection:
            register.unregister(connection, wanted)
        self.clear_leftovers()
        return len(parts)

    def clear_leftovers(self) -> int:
        """Remove files that killed runs left behind; return how many. Call it while the workspace is locked."""
        with self._store.read() as connection:
            parts = register.part_names(connection)
        return clear_leftovers(self._folder, parts)

    def read(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are here, whatever their state, by id."""
        with self._store.read() as connection:
            parts = register.parts_holding(connection, sorted(set(conversation_ids)))
        return {
            found.id: found
            for part, ids in sorted(parts.items())
            if (self._folder / part).exists()  # not where a deletion was killed after the last row went
            for found in read_part(self._folder / part)
            if found.id in ids
        }

    def scan(self) -> Iterator[Conversation]:
        """Yield every shared conversation, in a stable order, one file in memory at a time."""
        with self._store.read() as connection:
            parts = register.parts_of(connection)
        for part in sorted(parts):
            wanted = parts[part]
            yield from (found for found in read_part(self._folder / part) if found.id in wanted)

    def get(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are shared, by id."""
        wanted = set(conversation_ids)
        return {found.id: found for found in self.scan() if found.id in wanted}

    def _deleted(
        self, connection: sa.Connection, conversations: Sequence[Conversation], contents: Sequence[str]
    ) -> list[bool]:
        if self._tombstones is None:
            return [False] * len(conversations)
        return self._tombstones.buried(connection, [item.id for item in conversations], contents)


def content_hash(conversation: Conversation) -> str:
    """Return a hash of who said what, and of the model; two logs with the same hash are the same log."""
    turns = [[message.role, message.content, message.model_name] for message in conversation.messages]
    return stable_id(json.dumps([conversation.model_name, turns]))
