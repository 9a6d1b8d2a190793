"""Attributes of messages: language, model and length, read from the columns of the files without reading the texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workspaces.collection.opening import opened_part

if TYPE_CHECKING:
    from collections.abc import Collection as AbstractCollection
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from workspaces.collection.collection import Collection

COLUMNS = ("message_id", "conversation_id", "language", "model")
_OF_CONVERSATION = ("conversation_id", "detected_language", "language", "model_name")
_OF_MESSAGE = ("id", "model_name")


def message_attributes(
    collection: Collection, conversation_ids: Iterable[str], message_ids: Iterable[str]
) -> pd.DataFrame:
    """Return the attributes of messages of conversations that are held or shared.

    Args:
        collection: the collection that holds the conversations.
        conversation_ids: the ids of the conversations.
        message_ids: the ids of the messages; other messages of the conversations are left out.

    Returns:
        Text columns ``message_id``, ``conversation_id``, ``language`` (of the conversation: the detected one, or the
        one in the log if none was detected) and ``model`` (of the message, or of the conversation if the message has
        none); missing where not known. One row per message that exists, in no particular order.
    """
    wanted = pa.array(sorted(set(message_ids)), pa.string())
    tables = [
        _messages(path, ids, wanted) for path, ids in sorted(collection.files_with(conversation_ids).items())
    ]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS), dtype="object")
    attributes: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return attributes


def message_lengths(
    collection: Collection, conversation_ids: Iterable[str], message_ids: Iterable[str]
) -> dict[str, int]:
    """Return the number of characters of messages of conversations that are held or shared, by message id."""
    wanted = pa.array(sorted(set(message_ids)), pa.string())
    lengths: dict[str, int] = {}
    for path, ids in sorted(collection.files_with(conversation_ids).items()):
        with opened_part(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(
                    group, columns=["conversation_id", *_paths(file, ("id", "content"))], use_threads=False
                )
                named = table.column("conversation_id")
                table = table.filter(pc.is_in(named, value_set=pa.array(sorted(ids), named.type)))
                messages = table.combine_chunks().column("conversation").combine_chunks().flatten()
                found = messages.filter(pc.is_in(messages.field("id").cast(pa.string()), value_set=wanted))
                names, texts = found.field("id").to_pylist(), pc.utf8_length(found.field("content"))
                lengths.update(zip(names, texts.to_pylist(), strict=True))
    return lengths


def _messages(path: Path, conversation_ids: AbstractCollection[str], wanted: pa.Array) -> pa.Table:
    with opened_part(path) as file:
        table = file.read(columns=_leaves(file), use_threads=False)
    ids = table.column("conversation_id")
    table = table.filter(pc.is_in(ids, value_set=pa.array(sorted(conversation_ids), ids.type)))
    table = table.combine_chunks()
    conversation = table.column("conversation").combine_chunks()
    messages, owner = conversation.flatten(), pc.list_parent_indices(conversation)
    of_conversation = {
        name: table.column(name).take(owner)
        if name in table.column_names
        else pa.nulls(len(owner), pa.string())
        for name in _OF_CONVERSATION
    }
    model = (
        messages.field("model_name")
        if "model_name" in _fields(messages)
        else pa.nulls(len(owner), pa.string())
    )
    columns = [
        messages.field("id"),
        of_conversation["conversation_id"],
        pc.coalesce(of_conversation["detected_language"], of_conversation["language"]),
        pc.coalesce(model, of_conversation["model_name"]),
    ]
    attributes = pa.table([column.cast(pa.string()) for column in columns], names=list(COLUMNS))
    return attributes.filter(pc.is_in(attributes.column("message_id"), value_set=wanted))


def _leaves(file: pq.ParquetFile) -> list[str]:
    """Return the paths of the columns to read; files of an older version lack some of them."""
    every = [file.schema.column(number).path for number in range(len(file.schema))]
    return [*(path for path in every if path in _OF_CONVERSATION), *_paths(file, _OF_MESSAGE)]


def _paths(file: pq.ParquetFile, names: Sequence[str]) -> list[str]:
    """Return the paths of some columns of messages."""
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return [path for path in paths if path.startswith("conversation.") and path.rpartition(".")[2] in names]


def _fields(messages: pa.StructArray) -> set[str]:
    return {messages.type.field(number).name for number in range(messages.type.num_fields)}
