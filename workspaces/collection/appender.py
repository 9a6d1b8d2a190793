"""Appends conversations to a collection: new ones, and new messages of those that are stored already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.files import SCHEMA, file_name, lacks_beginning, texts_of, write_file
from workspaces.collection.growth import Growth, held_until
from workspaces.collection.near_duplicates.signatures import BANDS
from workspaces.collection.reader import stored_rows
from workspaces.records import SharingState
from workspaces.store import conversations as register
from workspaces.store import near_duplicates
from workspaces.store.erasure import forget_prompts
from workspaces.store.parts import current_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.collection.near_duplicates.finder import NearDuplicates
    from workspaces.collection.near_duplicates.signatures import Hashes
    from workspaces.privacy import Tombstones
    from workspaces.store import Store
    from workspaces.store.conversations import ConversationEntry

REGROUPED = 10_000
"""The most near duplicates of changed conversations that are compared anew; if there are more, they stay grouped."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of appending a batch: counts of conversations, and the positions of those that were refused.

    ``added``, ``grown`` and ``duplicates`` count the accepted conversations. The id of a ``conflicting`` one is stored
    with another text, and so is that of ``namesakes``. Those may be appended under other ids; a conflicting one may
    not, because what is stored is private or deleted, or because it lacks its beginning. A ``foreign`` one has another
    giver, source or licence than the stored one that it would extend; a message of one of the ``fragments`` answers a
    message that is not stored; a ``deleted`` one was deleted before and is not added again. ``near_duplicates`` counts
    those added or grown that resemble another conversation. ``pieces`` are the positions of those by which a stored
    conversation grew, and of those without a beginning.
    """

    added: int
    duplicates: int
    conflicting: tuple[int, ...]
    near_duplicates: int = 0
    deleted: tuple[int, ...] = ()
    grown: int = 0
    foreign: tuple[int, ...] = ()
    fragments: tuple[int, ...] = ()
    namesakes: tuple[int, ...] = ()
    pieces: frozenset[int] = field(default=frozenset(), compare=False)

    @property
    def refused(self) -> set[int]:
        """The positions of all refused conversations."""
        return {*self.conflicting, *self.namesakes, *self.foreign, *self.fragments, *self.deleted}


@dataclass(frozen=True, slots=True)
class Appender:
    """Appends tables of conversations.

    Args:
        folder: the folder of the collection files.
        store: registers the conversations.
        tombstones: of the conversations that were deleted; None: nothing is known to be deleted.
        near_duplicates: returns the near duplicates of the collection, synchronised with its files.
        measure: fills the columns of curation for conversations that grew.
        now: the current time.
        delay: how long a new conversation is held before it is shared.
        from_receipt: count the delay from ``now``, whatever time a conversation names.
    """

    folder: Path
    store: Store
    tombstones: Tombstones | None
    near_duplicates: Callable[[], NearDuplicates]
    measure: Callable[[pa.RecordBatch], pa.RecordBatch]
    now: datetime
    delay: timedelta
    from_receipt: bool = False

    def append(self, table: pa.Table) -> Appended:
        """Append the rows that are new, as ``Collection.append_table`` describes."""
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        with self.store.read() as connection:
            known = register.content_hashes(connection, ids)
            known_contents = register.known_contents(connection, contents)
            deleted = self._deleted(connection, ids, contents)
        new: list[int] = []
        changed: list[int] = []
        fragments: list[int] = []
        lacking = list(lacks_beginning(table))
        for position, is_fragment in enumerate(lacking):
            conversation_id, content = ids[position], contents[position]
            if position in deleted:
                continue
            if conversation_id in known:
                if known[conversation_id] != content:
                    changed.append(position)
            elif is_fragment:
                fragments.append(position)
            elif content not in known_contents:
                known[conversation_id] = content
                known_contents.add(content)
                new.append(position)
        before, growth = self._growth(table, changed, new) if changed else ({}, Growth())
        to_write = self._joined(
            table, [position for position in new if ids[position] not in growth.names], growth
        )
        resembling = self._add(to_write, before, growth) if to_write.num_rows else 0
        fragments += growth.fragments
        namesakes = [
            position
            for position in growth.conflicting
            if not lacking[position] and _is_open(before.get(ids[position]))
        ]
        refused = (*growth.conflicting, *growth.foreign, *fragments, *deleted)
        return Appended(
            added=len(new),
            duplicates=len(ids) - len(new) - len(growth.grown) - len(refused),
            conflicting=tuple(sorted({*growth.conflicting}.difference(namesakes))),
            namesakes=tuple(namesakes),
            near_duplicates=resembling,
            deleted=tuple(sorted(deleted)),
            grown=len(growth.grown),
            foreign=tuple(growth.foreign),
            fragments=tuple(sorted(fragments)),
            pieces=frozenset((*growth.grown, *(position for position, lacks in enumerate(lacking) if lacks))),
        )

    def _held_until(self, time: datetime | None) -> datetime:
        return held_until(None if self.from_receipt else time, self.now, self.delay)

    def _deleted(self, connection: sa.Connection, ids: Sequence[str], contents: Sequence[str]) -> set[int]:
        """Return the positions of conversations whose id or text was deleted before."""
        if self.tombstones is None:
            return set()
        buried = self.tombstones.buried(connection, ids, contents)
        return {position for position, is_buried in enumerate(buried) if is_buried}

    def _growth(
        self, table: pa.Table, positions: Sequence[int], new: Sequence[int]
    ) -> tuple[dict[str, ConversationEntry], Growth]:
        """Join rows with the rows of the same id that are stored, or that are ``new`` in the table.

        Args:
            table: the batch.
            positions: the rows to join.
            new: the rows of new conversations.

        Returns:
            The entries of the conversations that are registered, by id, and the result of joining them.
        """
        ids: list[str] = table.column("conversation_id").to_pylist()
        wanted = {ids[position] for position in positions}
        with self.store.read() as connection:
            before = register.entries_of(connection, sorted(wanted))
        wanted_new = [position for position in new if ids[position] in wanted]
        earlier = table.take(pa.array(wanted_new, pa.int64())).to_pylist()
        growth = Growth(
            {row["conversation_id"]: row for row in (*stored_rows(self.folder, before.values()), *earlier)},
            {conversation_id: entry.share_at for conversation_id, entry in before.items()}
            | {row["conversation_id"]: self._held_until(row["timestamp"]) for row in earlier},
        )
        for position in positions:
            (row,) = table.slice(position, 1).to_pylist()
            growth.add(position, row, self.now, self.delay, from_receipt=self.from_receipt)
        return before, growth

    def _joined(self, table: pa.Table, positions: Sequence[int], growth: Growth) -> pa.Table:
        """Return the rows at these positions, then those that grew, with their columns of curation filled anew."""
        is_whole = len(positions) == table.num_rows  # most often: then nothing need be copied
        chosen = table if is_whole else table.take(pa.array(positions, pa.int64()))
        if not growth.names:
            return chosen
        rows = [growth.rows[conversation_id] for conversation_id in sorted(growth.names)]
        batch = self.measure(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
        return pa.concat_tables([chosen, pa.Table.from_batches([batch], schema=SCHEMA)])

    def _add(self, table: pa.Table, before: Mapping[str, ConversationEntry], growth: Growth) -> int:
        """Write conversations to a file and register them; return how many of them resemble another conversation.

        Args:
            table: the conversations that are new or grew.
            before: the entries of registered conversations by id, with those of all that grew.
            growth: the conversations that grew.
        """
        near = self.near_duplicates()
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        file = file_name(
            f"{conversation_id}:{content}" for conversation_id, content in zip(ids, contents, strict=True)
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(self.folder / file, table)
        changed = sorted(growth.names & before.keys())
        pairs, regrouped = self._resembling(near, table, changed)
        givers, times = table.column("user_id").to_pylist(), table.column("timestamp").to_pylist()
        entries = [
            register.ConversationEntry(
                conversation_id=conversation_id,
                content_hash=content,
                part=file,
                giver_id=giver,
                state=_state_of(before.get(conversation_id)),
                share_at=growth.share_at.get(conversation_id) or self._held_until(time),
                added_at=self.now,
            )
            for conversation_id, content, giver, time in zip(ids, contents, givers, times, strict=True)
        ]
        with self.store.write() as connection:
            register.register(connection, [entry for entry in entries if entry.conversation_id not in before])
            register.grow(connection, [entry for entry in entries if entry.conversation_id in before])
            forget_prompts(connection, sorted(growth.reprompted))
            near_duplicates.forget(connection, regrouped)
            near_duplicates.join(connection, pairs)
        near.add(file)
        return len({conversation_id for pair in pairs for conversation_id in pair}.intersection(ids))

    def _resembling(
        self, near: NearDuplicates, table: pa.Table, changed: Sequence[str]
    ) -> tuple[set[tuple[str, str]], list[str]]:
        """Return the pairs of near duplicates of some conversations, and the ids that leave their groups before.

        The conversations that were in a group with a ``changed`` one are compared anew, because the changed one may
        have been the link between them.
        """
        regrouped: list[str] = []
        if changed:
            with self.store.read() as connection:
                regrouped = near_duplicates.together_with(connection, changed)
                entries = register.entries_of(connection, regrouped)
            if len(regrouped) <= REGROUPED:
                rows = list(stored_rows(self.folder, entries.values()))
                table = pa.concat_tables([table, pa.Table.from_pylist(rows, schema=SCHEMA)])
            else:
                regrouped = []

        def files_of(conversation_ids: Sequence[str]) -> dict[str, str]:
            with self.store.read() as connection:
                files = current_parts(connection, conversation_ids)
            return {
                conversation_id: file
                for conversation_id, file in files.items()
                if conversation_id not in outdated
            }

        outdated = set(changed)
        ids = table.column("conversation_id").to_pylist()
        pairs = near.pairs(ids, lambda positions: texts_of(table.take(positions)), _bands(table), files_of)
        return pairs, [*changed, *regrouped]


def _is_open(before: ConversationEntry | None) -> bool:
    """Return whether a stored conversation is neither private nor deleted; None: it is of this batch."""
    return before is None or before.state in (SharingState.HELD, SharingState.SHARED)


def _state_of(before: ConversationEntry | None) -> SharingState:
    """Return the state of a conversation that is new or grew: one that its giver keeps private stays private."""
    if before is not None and before.state == SharingState.PRIVATE:
        return SharingState.PRIVATE
    return SharingState.HELD


def _bands(table: pa.Table) -> Hashes:
    column = table.column("near_bands").combine_chunks()
    bands: Hashes = column.flatten().to_numpy().reshape(-1, BANDS)
    return bands
