"""The collection: every chat log of a workspace, with its giver's consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.compaction import COMPACT_ROWS, Compacted, small_groups
from workspaces.collection.near_duplicates.finder import NearDuplicates
from workspaces.collection.near_duplicates.signatures import BANDS
from workspaces.collection.parts import (
    SCHEMA,
    batches_of,
    clear_leftovers,
    conversations_in,
    measured,
    read_some,
    remove_from_part,
    texts_of,
    to_batch,
    write_part,
)
from workspaces.records import SharingState, stable_id
from workspaces.store import conversations as register
from workspaces.store import hygiene, near_duplicates

if TYPE_CHECKING:
    from collections.abc import Collection as AbstractCollection
    from collections.abc import Container, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.collection.near_duplicates.signatures import Hashes
    from workspaces.privacy import Tombstones
    from workspaces.records import Conversation
    from workspaces.store import Store

CONVERSATION = SCHEMA.names[: SCHEMA.names.index("content_hash")]
"""The columns that a ``Conversation`` holds: those before what hygiene says."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch. ``conflicting`` are the positions in it of conversations whose id stands in the
    collection with another text, ``deleted`` of those that were deleted once and stay so; ``near_duplicates`` how
    many of those added resemble another conversation.
    """

    added: int
    duplicates: int
    conflicting: tuple[int, ...]
    near_duplicates: int = 0
    deleted: tuple[int, ...] = ()


class Collection:
    """Parquet files under the workspace, registered in the store.

    A conversation belongs to the collection when the store says so: its text is written first, so a run that is
    killed in between leaves a file that nobody refers to, and the next run writes it again. Appending
    adds a file, ``compact`` replaces some; one is changed only where a conversation is taken out of it.
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

    def append_table(self, table: pa.Table, *, now: datetime, delay: timedelta) -> Appended:
        """Add those rows that are new, as ``append`` does.

        Args:
            table: the columns of ``parts.SCHEMA``; ``user_id`` is a pseudonym, ``parts.COMPUTED`` are filled.
            now: this moment.
            delay: how long a conversation is held before it is shared.
        """
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        with self._store.read() as connection:
            known = register.content_hashes(connection, ids)
            known_content = register.known_contents(connection, contents)
            deleted = self._deleted(connection, ids, contents)
        new: list[int] = []
        conflicting: list[int] = []
        for position, (name, content) in enumerate(zip(ids, contents, strict=True)):
            if position in deleted:
                continue
            if name in known:
                if known[name] != content:
                    conflicting.append(position)
            elif content not in known_content:
                known[name] = content
                known_content.add(content)
                new.append(position)
        resembling = self._add(table.take(pa.array(new, pa.int64())), now, delay) if new else 0
        return Appended(
            added=len(new),
            duplicates=len(ids) - len(new) - len(conflicting) - len(deleted),
            conflicting=tuple(conflicting),
            near_duplicates=resembling,
            deleted=tuple(sorted(deleted)),
        )

    def _add(self, table: pa.Table, now: datetime, delay: timedelta) -> int:
        """Write new conversations and register them; return how many of them resemble another one."""
        near = self._near_duplicates()
        ids: list[str] = table.column("conversation_id").to_pylist()
        contents: list[str] = table.column("content_hash").to_pylist()
        part = f"part-{stable_id(*(f'{name}:{content}' for name, content in zip(ids, contents, strict=True)))}.parquet"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_part(self._folder / part, table)
        pairs = near.pairs(ids, lambda positions: texts_of(table.take(positions)), _bands(table))
        people, times = table.column("user_id").to_pylist(), table.column("timestamp").to_pylist()
        entries = [
            register.ConversationEntry(
                conversation_id=name,
                content_hash=content,
                part=part,
                giver_id=giver,
                state=SharingState.HELD,
                # a log cannot be from the future: a wrong clock must not hold it for ever
                share_at=min(time or now, now) + delay,
                added_at=now,
            )
            for name, content, giver, time in zip(ids, contents, people, times, strict=True)
        ]
        with self._store.write() as connection:
            register.register(connection, entries)
            there = {
                *ids,
                *register.content_hashes(connection, sorted({name for pair in pairs for name in pair})),
            }
            pairs = {pair for pair in pairs if there.issuperset(pair)}
            near_duplicates.join(connection, pairs)
        near.add(part)
        return len({name for pair in pairs for name in pair}.intersection(ids))

    def share_due(self, now: datetime) -> int:
        """Share the conversations whose delay is over; return how many."""
        with self._store.write() as connection:
            return register.share_due(connection, now)

    def remove(self, conversation_ids: AbstractCollection[str]) -> int:
        """Take conversations out of their files, then out of the store; return how many files were rewritten.

        Killed half-way, it does the rest when it is called again. What killed runs left behind goes as well, and so
        does what the index of near duplicates knew. Call it while the workspace is locked.
        """
        wanted = sorted(set(conversation_ids))
        with self._store.read() as connection:
            parts = register.parts_holding(connection, wanted)
        for part, ids in sorted(parts.items()):
            remove_from_part(self._folder / part, ids)
        with self._store.write() as connection:
            hygiene.forget(connection, wanted)
            register.unregister(connection, wanted)
        self.clear_leftovers()
        self._near = None
        self._near_duplicates()
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
            for found in read_some(self._folder / part, ids)
        }

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
            parts = register.parts_in(connection)
        wanted_columns = None if columns is None else list(dict.fromkeys(("conversation_id", *columns)))
        for part in parts:
            for batch in batches_of(self._folder / part, wanted_columns):
                names = batch.column("conversation_id").to_pylist()
                with self._store.read() as connection:
                    there = register.states_in(connection, part, names)
                kept = [index for index, name in enumerate(names) if there.get(name) in wanted]
                if kept:
                    yield _rows(batch, kept)

    def get(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are shared, by id; only their files are read."""
        wanted = list(dict.fromkeys(conversation_ids))
        with self._store.read() as connection:
            parts = register.parts_of(connection, wanted, (SharingState.SHARED,))
        found: dict[str, Conversation] = {}
        for part, names in sorted(parts.items()):
            found.update((each.id, each) for each in read_some(self._folder / part, names))
        return found

    def files_with(self, conversation_ids: Iterable[str]) -> dict[Path, set[str]]:
        """Return the files that hold some of the named conversations, those held or shared, and their ids."""
        states = (SharingState.HELD, SharingState.SHARED)
        with self._store.read() as connection:
            parts = register.parts_of(connection, sorted(set(conversation_ids)), states)
        return {self._folder / part: names for part, names in parts.items()}

    def look_at(self, conversation_id: str) -> dict[str, Any] | None:
        """Return one conversation that is held or shared with all its columns, and its ``state``; None if there
        is none.
        """
        with self._store.read() as connection:
            found = register.part_of(connection, conversation_id)
        if found is None or found[1] not in (SharingState.HELD, SharingState.SHARED):
            return None
        for batch in batches_of(self._folder / found[0]):
            rows = batch.filter(pc.equal(batch.column("conversation_id"), conversation_id)).to_pylist()
            if rows:
                return {**rows[0], "state": found[1].value}
        return None

    def compact(self, rows: int = COMPACT_ROWS) -> Compacted:
        """Merge small files into files of about ``rows`` conversations, and drop what nobody refers to.

        What the collection holds stays the same. A run that is killed leaves files that the next one drops.
        """
        with self._store.read() as connection:
            sizes = register.part_sizes(connection)
        before = len(sizes)
        for group in small_groups(sizes, rows):
            self._merge(group)
        with self._store.read() as connection:
            there = set(register.parts_in(connection))
        gone = self.clear_leftovers()
        self._near = None
        if there:
            self._near_duplicates()
        return Compacted(before=before, after=len(there), dropped=gone)

    def _merge(self, parts: Sequence[str]) -> None:
        tables = []
        kept = set(SharingState) - {SharingState.DELETED}
        for part in parts:
            batches = list(batches_of(self._folder / part))
            if any(batch.column("near_bands").null_count for batch in batches):  # of an older workbench
                batches = [measured(batch) for batch in batches]
            table = pa.Table.from_batches(batches, schema=SCHEMA)
            names = table.column("conversation_id").to_pylist()
            with self._store.read() as connection:
                there = register.states_in(connection, part, names)
            tables.append(
                table.take(
                    pa.array([i for i, name in enumerate(names) if there.get(name) in kept], pa.int64())
                )
            )
        merged = pa.concat_tables(tables)
        part = f"part-{stable_id(*merged.column('conversation_id').to_pylist(), *parts)}.parquet"
        write_part(self._folder / part, merged)
        with self._store.write() as connection:
            register.move(connection, parts, part)

    def _near_duplicates(self) -> NearDuplicates:
        if self._near is None:
            self._near = NearDuplicates(self._folder, texts_of)
            with self._store.read() as connection:
                parts = register.parts_in(connection)
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


def _bands(table: pa.Table) -> Hashes:
    column = table.column("near_bands").combine_chunks()
    bands: Hashes = column.flatten().to_numpy().reshape(-1, BANDS)
    return bands
