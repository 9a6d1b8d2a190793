"""Siblings: generated responses enter stored conversations, beside the responses of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.files import SCHEMA, file_name, write_file
from workspaces.collection.message_columns import message_array
from workspaces.collection.reader import stored_rows
from workspaces.records import SharingState
from workspaces.store import conversations as register
from workspaces.store.parts import move_conversations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.collection.growth import Row
    from workspaces.records import Message
    from workspaces.store import Store

    Placed = Callable[[sa.Connection, Collection[str]], None]
    """Takes a writing transaction and the ids of the generated messages that stand in the collection."""

OPEN = (SharingState.HELD, SharingState.SHARED)


def add_siblings(
    folder: Path,
    store: Store,
    added: Mapping[str, Sequence[Message]],
    measure: Callable[[pa.RecordBatch], pa.RecordBatch],
    placed: Placed,
) -> str | None:
    """Write conversations with their new generated responses to a new file; return its name.

    Consent, content hash and labels of the conversations stay: their logs are the same. A response stays away (and
    ``placed`` does not name it) whose conversation is not held or shared, or whose parent is not there. None: nothing
    had to be written. A run that is killed leaves a file to which no entry refers.

    Args:
        folder: of the collection files.
        store: registers the conversations.
        added: generated responses by conversation id.
        measure: fills the columns of curation.
        placed: is done in the transaction that registers the new file.
    """
    with store.read() as connection:
        entries = register.entries_of(connection, sorted(added))
    open_ones = [entry for entry in entries.values() if entry.state in OPEN]
    rows: list[Row] = []
    there: set[str] = set()
    for row in stored_rows(folder, open_ones):
        known = {message["id"] for message in row["conversation"]}
        wanted = [message for message in added[row["conversation_id"]] if message.parent_id in known]
        there.update(message.id for message in wanted)
        if new := [message for message in wanted if message.id not in known]:
            rows.append({**row, "conversation": [*row["conversation"], *_rows(new)]})
    file = None
    names = [row["conversation_id"] for row in rows]
    if rows:
        batch = measure(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
        messages = (message["id"] for row in rows for message in row["conversation"])
        file = file_name((*names, *messages))
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / file, pa.Table.from_batches([batch], schema=SCHEMA))
    with store.write() as connection:
        if file is not None:
            move_conversations(connection, names, file)
        placed(connection, there)
    return file


def _rows(messages: Sequence[Message]) -> list[Row]:
    rows: list[Row] = message_array(messages).to_pylist()
    return rows
