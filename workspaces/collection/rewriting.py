"""Rewriting: texts of stored conversations change, such as when redaction has learnt a new pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.files import SCHEMA, batches_of, file_name, with_computed, write_file
from workspaces.records import SharingState
from workspaces.store.conversations import rehash
from workspaces.store.erasure import forget_labels
from workspaces.store.parts import move, states_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.store import Store

    Change = Callable[[pa.RecordBatch], tuple[pa.RecordBatch, list[bool]]]
    """Takes rows with the columns of ``files.SCHEMA``; returns them, and which of them it changed."""
    Also = Callable[[sa.Connection, list[str]], None]
    """Takes a writing transaction and the ids of the conversations whose texts changed."""

EARLIER = SCHEMA.get_field_index("earlier_hashes")


def rewrite(folder: Path, store: Store, file: str, change: Change, also: Also) -> list[str]:
    """Write a file of the collection anew, with changed texts, and register the new file; return the changed ids.

    Nothing is written if nothing changes and an entry refers to every row: the others may hold what shall go, and are
    not in the new file. The old file is left to ``clear_leftovers``. A conversation keeps its id, and its
    earlier content hash, so that the same text is known again. What was computed from the old text, such as topics, is
    forgotten. ``also`` is done in the transaction that registers the new file.
    """
    tables: list[pa.Table] = []
    hashes: dict[str, str] = {}
    changed = False
    for stored in batches_of(folder / file):
        ids = stored.column("conversation_id").to_pylist()
        with store.read() as connection:
            states = states_in(connection, file, ids)
        kept = [states.get(name, SharingState.DELETED) is not SharingState.DELETED for name in ids]
        batch = with_computed(stored.filter(pa.array(kept, pa.bool_())))
        after, rows_changed = change(batch)
        changed |= any(rows_changed) or not all(kept)
        after_hashes = after.column("content_hash").to_pylist()
        names = after.column("conversation_id").to_pylist()
        hashes |= {
            name: content_hash
            for name, content_hash, is_changed in zip(names, after_hashes, rows_changed, strict=True)
            if is_changed
        }
        after = after.set_column(EARLIER, SCHEMA.field(EARLIER), _earlier(batch, after))
        tables.append(pa.Table.from_batches([after], schema=SCHEMA))
    if not changed:
        return []
    table = pa.concat_tables(tables)
    contents = (*table.column("conversation_id").to_pylist(), *table.column("content_hash").to_pylist())
    new_file = file_name((*contents, file))
    write_file(folder / new_file, table)
    with store.write() as connection:
        move(connection, [file], new_file)
        rehash(connection, hashes)
        forget_labels(connection, list(hashes))
        also(connection, list(hashes))
    return list(hashes)


def _earlier(before: pa.RecordBatch, after: pa.RecordBatch) -> pa.Array:
    """Return the hashes of the texts that each conversation had, the present one left out."""
    columns = (before.column("earlier_hashes"), before.column("content_hash"), after.column("content_hash"))
    return pa.array(
        [
            sorted({*(earlier or ()), old}) if old != new else earlier
            for earlier, old, new in zip(*(column.to_pylist() for column in columns), strict=True)
        ],
        SCHEMA.field(EARLIER).type,
    )
