"""Texts of messages, read file by file without the rest of their conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workspaces.collection.opening import opened_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workspaces.collection.collection import Collection

_CONVERSATIONS = 1000


def message_texts(
    collection: Collection, conversation_ids: Iterable[str], message_ids: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield id and text of messages of conversations that are held or shared; a thousand conversations are in memory.

    Args:
        collection: the collection that holds the conversations.
        conversation_ids: the ids of the conversations.
        message_ids: the ids of the messages; other messages of the conversations are left out.
    """
    wanted = pa.array(sorted(set(message_ids)), pa.string())
    for path, ids in sorted(collection.files_with(conversation_ids).items()):
        named = pa.array(sorted(ids), pa.string())
        with opened_part(path) as file:
            for batch in file.iter_batches(_CONVERSATIONS, columns=_leaves(file), use_threads=False):
                kept = batch.filter(
                    pc.is_in(batch.column("conversation_id").cast(pa.string()), value_set=named)
                )
                messages = kept.column("conversation").flatten()
                chosen = messages.filter(pc.is_in(messages.field("id").cast(pa.string()), value_set=wanted))
                yield from zip(
                    chosen.field("id").to_pylist(), chosen.field("content").to_pylist(), strict=True
                )


def _leaves(file: pq.ParquetFile) -> list[str]:
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return [
        path
        for path in paths
        if path == "conversation_id"
        or (path.startswith("conversation.") and path.rpartition(".")[2] in ("id", "content"))
    ]
