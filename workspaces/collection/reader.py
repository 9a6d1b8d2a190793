"""Reads the stored conversations of a collection."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from workspaces.collection.files import (
    CONVERSATION,
    batches_of,
    batches_with,
    conversations_in,
    read_some,
    rows_at,
    with_computed,
)
from workspaces.collection.opening import opened_part
from workspaces.collection.responses import responses_in
from workspaces.collection.stored_ids import shared_ids, stored_ids
from workspaces.keys import keys_of
from workspaces.read_ahead import read_ahead
from workspaces.records import SharingState
from workspaces.store import conversations as register
from workspaces.store.part_keys import keys_by_part
from workspaces.store.parts import part_of, parts_in, parts_of, states_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from workspaces.collection.growth import Row
    from workspaces.collection.responses import Responses
    from workspaces.keys import KeyIndex
    from workspaces.records import Conversation
    from workspaces.store import Store
    from workspaces.store.conversations import ConversationEntry


class CollectionReader:
    """The read side of a collection: conversations by id, scans in a stable order, and single rows.

    Args:
        folder: the folder of the collection files.
        store: registers the conversations, with their states and the file of each.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store

    def read(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are in the collection, whatever their state, by id."""
        with self._store.read() as connection:
            ids_by_file = parts_of(connection, sorted(set(conversation_ids)))
        return {
            conversation.id: conversation
            for file, ids in sorted(ids_by_file.items())
            if (self._folder / file).exists()  # a deletion that was killed may have removed the file already
            for conversation in read_some(self._folder / file, ids)
        }

    def get(self, conversation_ids: Iterable[str]) -> dict[str, Conversation]:
        """Return those of the named conversations that are shared, by id; only their files are read."""
        return {conversation.id: conversation for conversation in self.scan_some(conversation_ids)}

    def scan_some(self, conversation_ids: Iterable[str]) -> Iterator[Conversation]:
        """Yield what ``get`` returns, in the order of ``scan``; a few hundred conversations are in memory at a time."""
        wanted = list(dict.fromkeys(conversation_ids))
        with self._store.read() as connection:
            ids_by_file = parts_of(connection, wanted, (SharingState.SHARED,))
        for file, ids in sorted(ids_by_file.items()):
            yield from read_some(self._folder / file, ids)

    def earlier_hashes(self, conversation_ids: Sequence[str]) -> set[str]:
        """Return the content hashes of all texts from which the named conversations grew."""
        with self._store.read() as connection:
            entries = register.entries_of(connection, conversation_ids)
        rows = stored_rows(self._folder, entries.values())
        return {content_hash for row in rows for content_hash in row["earlier_hashes"] or ()}

    def scan(self, without: Container[str] = ()) -> Iterator[Conversation]:
        """Yield every shared conversation but those in ``without``, in a stable order.

        A few hundred conversations are in memory at a time.
        """
        return (conversation for conversation, _ in self.scan_with((), without))

    def scan_with(
        self, columns: Sequence[str], without: Container[str] = ()
    ) -> Iterator[tuple[Conversation, tuple[Any, ...]]]:
        """Yield what ``scan`` does, each conversation with its values in some columns that curation adds."""
        for batch in self.scan_batches((*CONVERSATION, *columns)):
            ids = batch.column("conversation_id").to_pylist()
            places = [place for place, name in enumerate(ids) if name not in without]
            if not places:
                continue
            kept = rows_at(batch, places)
            values = zip(*(kept.column(name).to_pylist() for name in columns), strict=True)
            yield from zip(
                conversations_in(kept), values if columns else repeat((), kept.num_rows), strict=True
            )

    def scan_batches(
        self,
        columns: Sequence[str] | None = None,
        states: Iterable[SharingState] = (SharingState.SHARED,),
        *,
        locked: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the conversations in these states as batches with these columns (None: all), in a stable order.

        States are looked up anew for each batch. ``locked`` is whether nobody changes them meanwhile, because the
        workspace is locked: then they are looked up once, which is faster.
        """
        wanted: set[SharingState | None] = set(states)
        with self._store.read() as connection:
            files = parts_in(connection)
            standing = keys_by_part(connection, states) if locked else {}
        wanted_columns = None if columns is None else list(dict.fromkeys(("conversation_id", *columns)))
        for file in files:
            for batch in read_ahead(batches_of(self._folder / file, wanted_columns)):
                ids = batch.column("conversation_id").to_pylist()
                if locked:
                    kept = np.flatnonzero(standing[file].places(keys_of(ids)) >= 0).tolist()
                    if kept:
                        yield rows_at(batch, kept)
                    continue
                with self._store.read() as connection:
                    states_by_id = states_in(connection, file, ids)
                kept = [
                    position
                    for position, conversation_id in enumerate(ids)
                    if states_by_id.get(conversation_id) in wanted
                ]
                if kept:
                    yield rows_at(batch, kept)

    def batches_of(self, conversation_ids: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Yield those of the named conversations that are shared, as batches with the columns of ``CONVERSATION``."""
        with self._store.read() as connection:
            ids_by_file = parts_of(connection, sorted(set(conversation_ids)), (SharingState.SHARED,))
        for file, ids in sorted(ids_by_file.items()):
            yield from batches_with(self._folder / file, ids, CONVERSATION)

    def shared_rows(self) -> Iterator[tuple[Path, KeyIndex]]:
        """Yield every file with the keys of the shared conversations whose text it holds; the workspace is locked."""
        with self._store.read() as connection:
            files = parts_in(connection)
            standing = keys_by_part(connection, (SharingState.SHARED,))
        yield from ((self._folder / file, standing[file]) for file in files if len(standing[file]))

    def responses_in(self, part: str) -> Responses:
        """Return the responses of a file by keys; no text is read.

        Raises:
            FileNotFoundError: it is gone.
        """
        return responses_in(self._folder / part)

    def check_files(self) -> None:
        """Look whether every file is there and can be read.

        Raises:
            DamagedPartError: one cannot.
        """
        with self._store.read() as connection:
            files = parts_in(connection)
        for name in files:
            with opened_part(self._folder / name) as file:
                for _ in file.iter_batches():
                    pass

    def missing_files(self) -> list[str]:
        """Return the names of files that are gone; ``check_files`` says what that means."""
        with self._store.read() as connection:
            files = parts_in(connection)
        return [name for name in files if self.stamp_of(name) is None]

    def stamp_of(self, part: str) -> tuple[float, int] | None:
        """Return when a file was changed last, and its size in bytes; None if it is gone."""
        try:
            found = (self._folder / part).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime, found.st_size

    def message_ids(self, conversation_ids: Iterable[str]) -> dict[str, list[str]]:
        """Return the message ids of the named conversations, whatever their state, as far as they are stored."""
        return stored_ids(self._folder, self._store, conversation_ids)

    def shared_message_ids(self) -> dict[str, list[str]]:
        """Return the message ids that stand in several conversations, with the ids of these; there should be none."""
        return shared_ids(self._folder, self._store)

    def files_with(self, conversation_ids: Iterable[str]) -> dict[Path, set[str]]:
        """Return the files that hold named conversations that are held or shared, each with the ids of these."""
        states = (SharingState.HELD, SharingState.SHARED)
        with self._store.read() as connection:
            ids_by_file = parts_of(connection, sorted(set(conversation_ids)), states)
        return {self._folder / file: ids for file, ids in ids_by_file.items()}

    def look_at(self, conversation_id: str) -> dict[str, object] | None:
        """Return all columns of a conversation that is held or shared, and its ``state``; None if there is none."""
        with self._store.read() as connection:
            file_and_state = part_of(connection, conversation_id)
        if file_and_state is None:
            return None
        file, state = file_and_state
        if state not in (SharingState.HELD, SharingState.SHARED):
            return None
        for batch in batches_of(self._folder / file):
            rows = batch.filter(pc.equal(batch.column("conversation_id"), conversation_id)).to_pylist()
            if rows:
                return {**rows[0], "state": state.value}
        return None


def stored_rows(folder: Path, entries: Iterable[ConversationEntry]) -> Iterator[Row]:
    """Yield the stored rows of registered conversations, file by file, without those that are marked as deleted."""
    ids_by_file: dict[str, set[str]] = {}
    for entry in entries:
        if entry.state != SharingState.DELETED:
            ids_by_file.setdefault(entry.part, set()).add(entry.conversation_id)
    for file, ids in sorted(ids_by_file.items()):
        for batch in batches_with(folder / file, ids):
            yield from with_computed(batch).to_pylist()
