"""The collection: every chat log of a workspace, with its giver's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.appender import Appender
from workspaces.collection.compaction import COMPACT_ROWS, Compacted, merge, small_groups
from workspaces.collection.files import (
    clear_leftovers,
    holds_any,
    measured,
    remove_from_file,
    texts_of,
    to_batch,
)
from workspaces.collection.near_duplicates.finder import NearDuplicates
from workspaces.collection.reader import CollectionReader
from workspaces.collection.rewriting import rewrite
from workspaces.collection.siblings import add_siblings
from workspaces.store import conversations as register
from workspaces.store.erasure import CONVERSATION_ROWS, erase_rows, forget_labels
from workspaces.store.parts import part_names, part_sizes, parts_in
from workspaces.store.tombstones import any_tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Collection as AbstractCollection
    from datetime import datetime, timedelta
    from pathlib import Path

    from workspaces.collection.appender import Appended
    from workspaces.collection.rewriting import Also, Change
    from workspaces.collection.siblings import Placed
    from workspaces.privacy import Tombstones
    from workspaces.records import Conversation, Message
    from workspaces.store import Store


class Collection(CollectionReader):
    """Parquet files in the workspace, whose conversations are registered in the store.

    A conversation belongs to the collection if it is registered. Its text is written first, so a run that is killed in
    between leaves a file to which no entry refers, and the next run writes it again. Appending adds a file, and
    ``compact`` replaces files; a file is changed only to remove a conversation from it. A conversation that grows is
    written to a new file; no entry refers to its row in the old file, which remains until that file is compacted.
    """

    def __init__(self, folder: Path, store: Store, tombstones: Tombstones | None = None) -> None:
        super().__init__(folder, store)
        self._tombstones = tombstones
        self._near: NearDuplicates | None = None

    def append(self, conversations: Sequence[Conversation], *, now: datetime, delay: timedelta) -> Appended:
        """Add the new conversations; each is held until ``delay`` after its own time (or after ``now``)."""
        batch = measured(to_batch(conversations))
        return self.append_table(pa.Table.from_batches([batch]), now=now, delay=delay)

    def append_table(
        self,
        table: pa.Table,
        *,
        now: datetime,
        delay: timedelta,
        from_receipt: bool = False,
        measure: Callable[[pa.RecordBatch], pa.RecordBatch] = measured,
    ) -> Appended:
        """Add the rows that are new, as ``append`` does.

        A conversation that is stored already grows by its new messages: the whole conversation is written to a new
        file, and its row in the old file is no longer used. It is held again for its new messages, from ``now`` on if
        their time is not known. The same text under another id is a duplicate: the id that was read first is kept.

        Args:
            table: the columns of ``files.SCHEMA``; ``user_id`` is a pseudonym, and ``files.COMPUTED`` are filled. A
                conversation whose first message has a parent is a fragment of one that must be stored already.
            now: the current time.
            delay: how long a conversation is held before it is shared.
            from_receipt: count the delay from ``now``, whatever time a conversation names.
            measure: fills the columns of curation for conversations that grew.
        """
        appender = Appender(
            folder=self._folder,
            store=self._store,
            tombstones=self._tombstones,
            near_duplicates=self._near_duplicates,
            measure=measure,
            now=now,
            delay=delay,
            from_receipt=from_receipt,
        )
        return appender.append(table)

    def add_generated(
        self,
        added: Mapping[str, Sequence[Message]],
        placed: Placed,
        *,
        measure: Callable[[pa.RecordBatch], pa.RecordBatch] = measured,
    ) -> None:
        """Add generated responses to stored conversations, as ``siblings.add_siblings`` does.

        Call it while the workspace is locked.
        """
        if add_siblings(self._folder, self._store, added, measure, placed) is not None:
            self._near = None

    def known(self, conversation_ids: Iterable[str]) -> set[str]:
        """Return those of these ids under which a conversation is registered, or was deleted."""
        ids = list(conversation_ids)
        with self._store.read() as connection:
            known = set(register.content_hashes(connection, ids))
            if self._tombstones is not None:
                buried = self._tombstones.buried(connection, ids, [""] * len(ids))
                known.update(name for name, is_buried in zip(ids, buried, strict=True) if is_buried)
        return known

    def may_hold(self, beginning: str) -> bool:
        """Return whether a conversation is registered under an id that begins so, or any was ever deleted."""
        with self._store.read() as connection:
            return register.any_beginning(connection, beginning) or any_tombstone(connection)

    def ids_of(self, contents: Iterable[str]) -> dict[str, str]:
        """Return the id of a conversation that has this text now, by content hash, for those that have one."""
        with self._store.read() as connection:
            return register.ids_of_contents(connection, contents)

    def share_due(self, now: datetime) -> int:
        """Share the conversations whose delay is over; return how many there were."""
        with self._store.write() as connection:
            return register.share_due(connection, now)

    def remove(self, conversation_ids: AbstractCollection[str]) -> int:
        """Remove conversations from their files, then from the store; return how many files were rewritten.

        A conversation that grew has older rows in other files, so the ids in all files are searched. If the call is
        killed, the next call does the rest. It also removes the files that killed runs left, and what the index of
        near duplicates holds of the conversations. Call it while the workspace is locked.
        """
        wanted = sorted(set(conversation_ids))
        files = [file for file in sorted(self._folder.glob("part-*.parquet")) if holds_any(file, wanted)]
        for file in files:
            remove_from_file(file, wanted)
        with self._store.write() as connection:
            forget_labels(connection, wanted)
            erase_rows(connection, CONVERSATION_ROWS, wanted)
            register.unregister(connection, wanted)
        self.clear_leftovers()
        self._near = None
        self._near_duplicates()
        return len(files)

    def clear_leftovers(self) -> int:
        """Remove the files that killed runs left; return how many. Call it while the workspace is locked."""
        with self._store.read() as connection:
            files = part_names(connection)
        removed = clear_leftovers(self._folder, files)
        if removed:
            self._near = None  # it may hold a removed file, whose conversations all grew into other files
        return removed

    def compact(self, rows: int = COMPACT_ROWS) -> Compacted:
        """Merge small files into files of at most ``rows`` conversations, and remove rows to which no entry refers.

        The conversations of the collection stay the same. A run that is killed leaves files that the next one removes.
        """
        with self._store.read() as connection:
            sizes = part_sizes(connection)
        for group in small_groups(sizes, rows):
            merge(self._folder, self._store, group)
        with self._store.read() as connection:
            remaining = set(parts_in(connection))
        dropped = self.clear_leftovers()
        self._near = None
        if remaining:
            self._near_duplicates()
        return Compacted(before=len(sizes), after=len(remaining), dropped=dropped)

    def rewrite(
        self,
        change: Change,
        also: Also = lambda _connection, _ids: None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> list[str]:
        """Change the texts of stored conversations; return the ids of those that changed, held and private ones, too.

        Old files are removed, with every earlier row of a conversation that grew. A run that is killed leaves some
        files as they were or both of a pair; the next run does the rest. Call it while the workspace is locked.

        Args:
            change: returns rows with their new texts and computed columns, and which of them it changed.
            also: is done in the transaction that registers changed texts.
            advance: is called with the number of conversations looked at.
        """
        changed: list[str] = []
        with self._store.read() as connection:
            sizes = part_sizes(connection)
        for file, count in sorted(sizes.items()):
            changed += rewrite(self._folder, self._store, file, change, also)
            advance(count)
        self.clear_leftovers()
        if changed:
            self._near = None
            self._near_duplicates()
        return sorted(changed)

    def _near_duplicates(self) -> NearDuplicates:
        if self._near is None:
            self._near = NearDuplicates(self._folder, texts_of)
            with self._store.read() as connection:
                files = parts_in(connection)
            self._near.synchronize(files)
        return self._near
