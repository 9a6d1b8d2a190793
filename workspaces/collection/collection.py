"""The collection: every chat log of a workspace, with its giver's consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.compaction import COMPACT_ROWS, Compacted, small_groups
from workspaces.collection.files import (
    SCHEMA,
    batches_of,
    batches_with,
    clear_leftovers,
    conversations_in,
    holds_any,
    lacks_beginning,
    measured,
    read_some,
    remove_from_part,
    texts_of,
    to_batch,
    write_part,
)
from workspaces.collection.growth import Growth, held_until
from workspaces.collection.near_duplicates.finder import NearDuplicates
from workspaces.collection.near_duplicates.signatures import BANDS
from workspaces.records import SharingState, stable_id
from workspaces.store import conversations as register
from workspaces.store import near_duplicates
from workspaces.store.erasure import forget_labels, forget_prompts
from workspaces.store.parts import (
    current_parts,
    move,
    part_names,
    part_of,
    part_sizes,
    parts_in,
    parts_of,
    states_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Collection as AbstractCollection
    from datetime import datetime, timedelta
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.collection.near_duplicates.signatures import Hashes
    from workspaces.privacy import Tombstones
    from workspaces.records import Conversation
    from workspaces.store import Store
    from workspaces.store.conversations import ConversationEntry

CONVERSATION = SCHEMA.names[: SCHEMA.names.index("content_hash")]
"""The columns that a ``Conversation`` holds: those before what curation adds."""

REGROUPED = 10_000
"""Near duplicates of conversations that grew that are compared anew; where there are more, they stay together."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch: ``added + grown + duplicates`` conversations, and the positions of those refused.

    The ids of ``conflicting`` ones stand in the collection with another text; ``foreign`` ones are of another
    giver, source or licence than what would grow; ``fragments`` answer a message that is not there; ``deleted``
    ones were deleted once and stay so. ``near_duplicates`` of those added or grown resemble another conversation.
    """

    added: int
    duplicates: int
    conflicting: tuple[int, ...]
    near_duplicates: int = 0
    deleted: tuple[int, ...] = ()
    grown: int = 0
    foreign: tuple[int, ...] = ()
    fragments: tuple[int, ...] = ()

    @property
    def refused(self) -> set[int]:
        """Every position that was refused."""
        return {*self.conflicting, *self.foreign, *self.fragments, *self.deleted}


class Collection:
    """Parquet files under the workspace, registered in the store.

    A conversation belongs to the collection when the store says so: its text is written first, so a run that is
    killed in between leaves a file that nobody refers to, and the next run writes it again. Appending
    adds a file, ``compact`` replaces some; one is changed only where a conversation is taken out of it. A
    conversation that grows is written to a new file; its row in the old one is nobody's until that is compacted.
    """

    def __init__(self, folder: Path, store: Store, tombstones: Tombstones | None = None) -> None:
        self._folder = folder
        self._store = store
        self._tombstones = tombstones
        self._near: NearDuplicates | None = None

    def append(self, conversations: Sequence[Conversation], *, now: datetime, delay: timedelta) -> Appended:
        """Add the conversations that are new, held until ``delay`` after their own time (or after ``now``)."""
        batch = measured(to_batch(conversations))
        return self.append_table(pa.Table.from_batches([batch]), now=now, delay=delay)

    def append_table(
        self,
        table: pa.Table,
        *,
        now: datetime,
        delay: timedelta,
        measure: Callable[[pa.RecordBatch], pa.RecordBatch] = measured,
    ) -> Appended:
        """Add those rows that are new, as ``append`` does.

        A conversation that is here already grows by the messages that are new: it is written once more, into a new
        file, and its row in the old one counts no longer. It is held again for its new messages, from ``now`` if
        their time is not known. The same text under another id is a duplicate: the id that was read first stays.

        Args:
            table: the columns of ``parts.SCHEMA``; ``user_id`` is a pseudonym, ``parts.COMPUTED`` are filled. A
                conversation whose first message has a parent is a fragment of one that has to be here already.
            now: this moment.
            delay: how long a conversation is held before it is shared.
            measure: fills the columns of curation for conversations that grew.
        """
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        with self._store.read() as connection:
            known = register.content_hashes(connection, ids)
            known_contents = register.known_contents(connection, contents)
            deleted = self._deleted(connection, ids, contents)
        new: list[int] = []
        others: list[int] = []
        fragments: list[int] = []
        for position, lacks in enumerate(lacks_beginning(table)):
            name, content = ids[position], contents[position]
            if position in deleted:
                continue
            if name in known:
                if known[name] != content:
                    others.append(position)
            elif lacks:
                fragments.append(position)
            elif content not in known_contents:
                known[name] = content
                known_contents.add(content)
                new.append(position)
        before, growth = self._growth(table, others, new, now, delay) if others else ({}, Growth())
        to_write = _joined(
            table, [position for position in new if ids[position] not in growth.names], growth, measure
        )
        resembling = self._add(to_write, before, growth, now, delay) if to_write.num_rows else 0
        fragments += growth.fragments
        refused = (*growth.conflicting, *growth.foreign, *fragments, *deleted)
        return Appended(
            added=len(new),
            duplicates=len(ids) - len(new) - len(growth.grown) - len(refused),
            conflicting=tuple(growth.conflicting),
            near_duplicates=resembling,
            deleted=tuple(sorted(deleted)),
            grown=len(growth.grown),
            foreign=tuple(growth.foreign),
            fragments=tuple(sorted(fragments)),
        )

    def _growth(
        self, table: pa.Table, positions: Sequence[int], new: Sequence[int], now: datetime, delay: timedelta
    ) -> tuple[dict[str, ConversationEntry], Growth]:
        """Join rows with those of the same id that are in the collection, or ``new`` in the table.

        Return the register's rows of those that are in the collection, and what became of them.
        """
        names: list[str] = table.column("conversation_id").to_pylist()
        wanted = {names[position] for position in positions}
        with self._store.read() as connection:
            before = register.entries_of(connection, sorted(wanted))
        wanted_new = [position for position in new if names[position] in wanted]
        earlier = table.take(pa.array(wanted_new, pa.int64())).to_pylist()
        growth = Growth(
            {row["conversation_id"]: row for row in (*self._rows(before.values()), *earlier)},
            {name: row.share_at for name, row in before.items()}
            | {row["conversation_id"]: held_until(row["timestamp"], now, delay) for row in earlier},
        )
        for position in positions:
            (given,) = table.slice(position, 1).to_pylist()
            growth.add(position, given, now, delay)
        return before, growth

    def _rows(self, registered: Iterable[ConversationEntry]) -> Iterator[dict[str, Any]]:
        """Yield the stored rows of conversations, file by file; none of those that are marked as deleted."""
        parts: dict[str, set[str]] = {}
        for row in registered:
            if row.state != SharingState.DELETED:
                parts.setdefault(row.part, set()).add(row.conversation_id)
        for part, names in sorted(parts.items()):
            for batch in batches_with(self._folder / part, names):
                yield from _filled(batch).to_pylist()

    def _add(
        self,
        table: pa.Table,
        before: Mapping[str, ConversationEntry],
        growth: Growth,
        now: datetime,
        delay: timedelta,
    ) -> int:
        """Write conversations and register them; return how many of them resemble another one.

        Args:
            table: new conversations and those that grew.
            before: the register's rows of those of them that are known, and perhaps of others.
            growth: those that grew.
            now: this moment.
            delay: how long a new conversation is held.
        """
        near = self._near_duplicates()
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        part = f"part-{stable_id(*(f'{name}:{content}' for name, content in zip(ids, contents, strict=True)))}.parquet"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_part(self._folder / part, table)
        changed = sorted(growth.names & before.keys())
        pairs, regrouped = self._resembling(near, table, changed)
        people, times = table.column("user_id").to_pylist(), table.column("timestamp").to_pylist()
        entries = [
            register.ConversationEntry(
                conversation_id=name,
                content_hash=content,
                part=part,
                giver_id=giver,
                state=_state_of(before.get(name)),
                share_at=growth.share_at.get(name) or held_until(time, now, delay),
                added_at=now,
            )
            for name, content, giver, time in zip(ids, contents, people, times, strict=True)
        ]
        with self._store.write() as connection:
            register.register(connection, [entry for entry in entries if entry.conversation_id not in before])
            register.grow(connection, [entry for entry in entries if entry.conversation_id in before])
            forget_prompts(connection, sorted(growth.reprompted))
            near_duplicates.forget(connection, regrouped)
            near_duplicates.join(connection, pairs)
        near.add(part)
        return len({name for pair in pairs for name in pair}.intersection(ids))

    def _resembling(
        self, near: NearDuplicates, table: pa.Table, changed: Sequence[str]
    ) -> tuple[set[tuple[str, str]], list[str]]:
        """Return the pairs of near duplicates that these conversations bring, and who leaves the old groups first.

        Those that were together with one that ``changed`` are compared anew: perhaps it was what joined them.
        """
        regrouped: list[str] = []
        if changed:
            with self._store.read() as connection:
                regrouped = near_duplicates.together_with(connection, changed)
                registered = register.entries_of(connection, regrouped)
            if len(regrouped) <= REGROUPED:
                others = pa.Table.from_pylist(list(self._rows(registered.values())), schema=SCHEMA)
                table = pa.concat_tables([table, others])
            else:
                regrouped = []

        def current(names: Sequence[str]) -> dict[str, str]:
            with self._store.read() as connection:
                parts = current_parts(connection, names)
            return {name: part for name, part in parts.items() if name not in outdated}

        outdated = set(changed)
        ids = table.column("conversation_id").to_pylist()
        pairs = near.pairs(ids, lambda some: texts_of(table.take(some)), _bands(table), current)
        return pairs, [*changed, *regrouped]

    def share_due(self, now: datetime) -> int:
        """Share the conversations whose delay is over; return how many."""
        with self._store.write() as connection:
            return register.share_due(connection, now)

    def remove(self, conversation_ids: AbstractCollection[str]) -> int:
        """Take conversations out of their files, then out of the store; return how many files were rewritten.

        One that grew has older rows in other files, so the ids of all files are looked through. Killed half-way, it
        does the rest when it is called again. What killed runs left behind goes as well, and so does what the index
        of near duplicates knew. Call it while the workspace is locked.
        """
        wanted = sorted(set(conversation_ids))
        parts = [part for part in sorted(self._folder.glob("part-*.parquet")) if holds_any(part, wanted)]
        for part in parts:
            remove_from_part(part, wanted)
        with self._store.write() as connection:
            forget_labels(connection, wanted)
            register.unregister(connection, wanted)
        self.clear_leftovers()
        self._near = None
        self._near_duplicates()
        return len(parts)

    def clear_leftovers(self) -> int:
        """Remove files that killed runs left behind; return how many. Call it while the workspace is locked."""
        with self._store.read() as connection:
            parts = part_names(connection)
        gone = clear_leftovers(self._folder, parts)
        if gone:
            self._near = None  # it may know a file whose conversations all grew and lie elsewhere now
        return gone

    def read(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are here, whatever their state, by id."""
        with self._store.read() as connection:
            parts = parts_of(connection, sorted(set(conversation_ids)))
        return {
            conversation.id: conversation
            for part, ids in sorted(parts.items())
            if (self._folder / part).exists()  # not where a deletion was killed after the last row went
            for conversation in read_some(self._folder / part, ids)
        }

    def earlier_hashes(self, conversation_ids: Sequence[str]) -> set[str]:
        """Return the content hashes of the texts that those of these conversations that grew have grown from."""
        with self._store.read() as connection:
            registered = register.entries_of(connection, conversation_ids)
        return {text for row in self._rows(registered.values()) for text in row["earlier_hashes"] or ()}

    def scan(self, without: Container[str] = ()) -> Iterator[Conversation]:
        """Yield every shared conversation but those named, in a stable order, a few hundred in memory at a time."""
        for batch in self.scan_batches(CONVERSATION):
            names = batch.column("conversation_id").to_pylist()
            kept = [index for index, name in enumerate(names) if name not in without]
            yield from conversations_in(_rows(batch, kept))

    def scan_batches(
        self, columns: Sequence[str] | None = None, states: Iterable[SharingState] = (SharingState.SHARED,)
    ) -> Iterator[pa.RecordBatch]:
        """Yield the conversations in these states as batches with these columns (None: all), in a stable order."""
        wanted: set[SharingState | None] = set(states)
        with self._store.read() as connection:
            parts = parts_in(connection)
        wanted_columns = None if columns is None else list(dict.fromkeys(("conversation_id", *columns)))
        for part in parts:
            for batch in batches_of(self._folder / part, wanted_columns):
                names = batch.column("conversation_id").to_pylist()
                with self._store.read() as connection:
                    states_here = states_in(connection, part, names)
                kept = [index for index, name in enumerate(names) if states_here.get(name) in wanted]
                if kept:
                    yield _rows(batch, kept)

    def get(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are shared, by id; only their files are read."""
        wanted = list(dict.fromkeys(conversation_ids))
        with self._store.read() as connection:
            parts = parts_of(connection, wanted, (SharingState.SHARED,))
        return {
            conversation.id: conversation
            for part, names in sorted(parts.items())
            for conversation in read_some(self._folder / part, names)
        }

    def files_with(self, conversation_ids: Iterable[str]) -> dict[Path, set[str]]:
        """Return the files that hold some of the named conversations, those held or shared, and their ids."""
        states = (SharingState.HELD, SharingState.SHARED)
        with self._store.read() as connection:
            parts = parts_of(connection, sorted(set(conversation_ids)), states)
        return {self._folder / part: names for part, names in parts.items()}

    def look_at(self, conversation_id: str) -> dict[str, Any] | None:
        """Return one conversation that is held or shared with all its columns, and its ``state``; None if there
        is none.
        """
        with self._store.read() as connection:
            placed = part_of(connection, conversation_id)
        if placed is None or placed[1] not in (SharingState.HELD, SharingState.SHARED):
            return None
        part, state = placed
        for batch in batches_of(self._folder / part):
            rows = batch.filter(pc.equal(batch.column("conversation_id"), conversation_id)).to_pylist()
            if rows:
                return {**rows[0], "state": state.value}
        return None

    def compact(self, rows: int = COMPACT_ROWS) -> Compacted:
        """Merge small files into files of about ``rows`` conversations, and drop what nobody refers to.

        What the collection holds stays the same. A run that is killed leaves files that the next one drops.
        """
        with self._store.read() as connection:
            sizes = part_sizes(connection)
        before = len(sizes)
        for group in small_groups(sizes, rows):
            self._merge(group)
        with self._store.read() as connection:
            remaining = set(parts_in(connection))
        gone = self.clear_leftovers()
        self._near = None
        if remaining:
            self._near_duplicates()
        return Compacted(before=before, after=len(remaining), dropped=gone)

    def _merge(self, parts: Sequence[str]) -> None:
        tables = []
        kept = set(SharingState) - {SharingState.DELETED}
        for part in parts:
            batches = [_filled(batch) for batch in batches_of(self._folder / part)]
            table = pa.Table.from_batches(batches, schema=SCHEMA)
            names = table.column("conversation_id").to_pylist()
            with self._store.read() as connection:
                states = states_in(connection, part, names)
            tables.append(
                table.take(
                    pa.array([i for i, name in enumerate(names) if states.get(name) in kept], pa.int64())
                )
            )
        merged = pa.concat_tables(tables)
        part = f"part-{stable_id(*merged.column('conversation_id').to_pylist(), *parts)}.parquet"
        write_part(self._folder / part, merged)
        with self._store.write() as connection:
            move(connection, parts, part)

    def _near_duplicates(self) -> NearDuplicates:
        if self._near is None:
            self._near = NearDuplicates(self._folder, texts_of)
            with self._store.read() as connection:
                parts = parts_in(connection)
            self._near.synchronize(parts)
        return self._near

    def _deleted(self, connection: sa.Connection, ids: Sequence[str], contents: Sequence[str]) -> set[int]:
        """Return the positions of conversations that were deleted once, by their id or their text."""
        if self._tombstones is None:
            return set()
        buried = self._tombstones.buried(connection, ids, contents)
        return {position for position, is_buried in enumerate(buried) if is_buried}


def _rows(batch: pa.RecordBatch, kept: Sequence[int]) -> pa.RecordBatch:
    """Return some rows of a batch. ``pa.array`` would do as well, and import pandas, which takes a second."""
    if len(kept) == batch.num_rows:
        return batch
    buffer = pa.py_buffer(np.array(kept, np.int64))
    return batch.take(pa.Array.from_buffers(pa.int64(), len(kept), [None, buffer]))


def _filled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose computed columns are filled, also where an older workbench wrote it."""
    return measured(batch) if batch.column("near_bands").null_count else batch


def _joined(
    table: pa.Table,
    positions: Sequence[int],
    growth: Growth,
    measure: Callable[[pa.RecordBatch], pa.RecordBatch],
) -> pa.Table:
    """Return the rows at these positions, then those that grew, with the columns of curation filled anew."""
    chosen = table.take(pa.array(positions, pa.int64()))
    if not growth.names:
        return chosen
    rows = [growth.rows[name] for name in sorted(growth.names)]
    batch = measure(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    return pa.concat_tables([chosen, pa.Table.from_batches([batch], schema=SCHEMA)])


def _state_of(before: ConversationEntry | None) -> SharingState:
    """Return the state of a conversation that is new or grew: what its giver keeps private stays so."""
    if before is not None and before.state == SharingState.PRIVATE:
        return SharingState.PRIVATE
    return SharingState.HELD


def _bands(table: pa.Table) -> Hashes:
    column = table.column("near_bands").combine_chunks()
    bands: Hashes = column.flatten().to_numpy().reshape(-1, BANDS)
    return bands
