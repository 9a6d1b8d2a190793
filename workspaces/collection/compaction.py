"""Compaction: merges small collection files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.files import SCHEMA, batches_of, file_name, with_computed, write_file
from workspaces.records import SharingState
from workspaces.store.parts import move, states_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from workspaces.store import Store

COMPACT_ROWS = 20_000
"""Conversations in a file that compaction writes; about 70 MB of text."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """The numbers of files before and after, and of the removed ones: merged files, and files without an entry."""

    before: int
    after: int
    dropped: int


def small_groups(sizes: Mapping[str, int], rows: int) -> Iterator[list[str]]:
    """Yield groups of two or more files that together hold at most ``rows`` conversations.

    Args:
        sizes: the number of conversations in each file, by file name.
        rows: the most conversations in a group; a file with more than half of them is in no group.
    """
    group: list[str] = []
    size = 0
    for file in sorted(file for file, count in sizes.items() if count <= rows // 2):
        if group and size + sizes[file] > rows:
            if len(group) > 1:
                yield group
            group, size = [], 0
        group.append(file)
        size += sizes[file]
    if len(group) > 1:
        yield group


def merge(folder: Path, store: Store, files: Sequence[str]) -> None:
    """Write the conversations of some files to one new file, and register this file for them.

    Rows to which no entry refers, and conversations that are marked as deleted, are left out.
    """
    tables = []
    kept_states = set(SharingState) - {SharingState.DELETED}
    for file in files:
        batches = [with_computed(batch) for batch in batches_of(folder / file)]
        table = pa.Table.from_batches(batches, schema=SCHEMA)
        ids = table.column("conversation_id").to_pylist()
        with store.read() as connection:
            states = states_in(connection, file, ids)
        kept = [
            position
            for position, conversation_id in enumerate(ids)
            if states.get(conversation_id) in kept_states
        ]
        tables.append(table.take(pa.array(kept, pa.int64())))
    merged = pa.concat_tables(tables)
    merged_file = file_name((*merged.column("conversation_id").to_pylist(), *files))
    write_file(folder / merged_file, merged)
    with store.write() as connection:
        move(connection, files, merged_file)
