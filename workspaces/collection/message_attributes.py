"""What messages are: language and model, from the columns of the collection's files, without reading a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Collection as AbstractCollection
    from collections.abc import Iterable
    from pathlib import Path

    from workspaces.collection.collection import Collection

COLUMNS = ("message_id", "conversation_id", "language", "model")
_OF_CONVERSATION = ("conversation_id", "detected_language", "language", "model_name")
_OF_MESSAGE = ("id", "model_name")


def subjects(
    collection: Collection, conversation_ids: Iterable[str], message_ids: Iterable[str]
) -> pd.DataFrame:
    """Return what messages of conversations that are held or shared are.

    Args:
        collection: where they are.
        conversation_ids: of the conversations.
        message_ids: of the messages in them; others are left out.

    Returns:
        Text columns ``message_id``, ``conversation_id``, ``language`` (of the conversation: as detected, or as the log
        says where nothing was detected) and ``model`` (that wrote the message, or the conversation's where it is not
        said of the message); missing where it is not known. One row per message found, in no order to rely on.
    """
    wanted = pa.array(sorted(set(message_ids)), pa.string())
    tables = [
        _messages(path, names, wanted)
        for path, names in sorted(collection.files_with(conversation_ids).items())
    ]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS), dtype="object")
    found: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return found


def _messages(path: Path, conversation_ids: AbstractCollection[str], wanted: pa.Array) -> pa.Table:
    with pq.ParquetFile(path) as file:
        table = file.read(columns=_leaves(file), use_threads=False)
    its = table.column("conversation_id")
    table = table.filter(pc.is_in(its, value_set=pa.array(sorted(conversation_ids), its.type)))
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
    found = pa.table([column.cast(pa.string()) for column in columns], names=list(COLUMNS))
    return found.filter(pc.is_in(found.column("message_id"), value_set=wanted))


def _leaves(file: pq.ParquetFile) -> list[str]:
    """Return the paths of the columns to read; files of an older workbench lack some."""
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return [
        path
        for path in paths
        if path in _OF_CONVERSATION
        or (path.startswith("conversation.") and path.rpartition(".")[2] in _OF_MESSAGE)
    ]


def _fields(messages: pa.StructArray) -> set[str]:
    return {messages.type.field(number).name for number in range(messages.type.num_fields)}
