"""Collection files: Parquet in the ShareLM columns, with the tree of messages kept."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA = pa.schema(
    [
        ("conversation_id", pa.string()),
        (
            "conversation",
            pa.list_(
                pa.struct(
                    [
                        ("role", pa.string()),
                        ("content", pa.string()),
                        ("id", pa.string()),
                        ("parent_id", pa.string()),
                        ("model_name", pa.string()),
                    ]
                )
            ),
        ),
        ("model_name", pa.string()),
        ("user_id", pa.string()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("language", pa.string()),
        ("user_metadata", pa.string()),
        ("conversation_metadata", pa.string()),
    ]
)
"""The ShareLM columns; ``user_id`` is our pseudonym and the two metadata columns are JSON."""


def write_part(path: Path, conversations: Sequence[Conversation]) -> None:
    """Write conversations as one file that is either whole or not there, and outlives a power cut."""
    table = pa.Table.from_pylist([_row(conversation) for conversation in conversations], schema=SCHEMA)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    if os.name == "posix":  # Windows opens no folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_part(path: Path) -> Iterator[Conversation]:
    """Yield the conversations of one file, a few hundred in memory at a time."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=512):
        for row in batch.to_pylist():
            yield _conversation(row)


def _row(conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": conversation.id,
        "conversation": [
            {
                "role": message.role.value,
                "content": message.content,
                "id": message.id,
                "parent_id": message.parent_id,
                "model_name": message.model_name,
            }
            for message in conversation.messages
        ],
        "model_name": conversation.model_name,
        "user_id": conversation.giver_id,
        "timestamp": conversation.timestamp,
        "source": conversation.source,
        "licence": conversation.licence,
        "language": conversation.language,
        "user_metadata": json.dumps(dict(conversation.user_metadata), ensure_ascii=False),
        "conversation_metadata": json.dumps(dict(conversation.conversation_metadata), ensure_ascii=False),
    }


def _conversation(row: dict[str, Any]) -> Conversation:
    return Conversation(
        id=row["conversation_id"],
        messages=tuple(
            Message(
                id=message["id"],
                parent_id=message["parent_id"],
                role=Role(message["role"]),
                content=message["content"],
                model_name=message["model_name"],
            )
            for message in row["conversation"]
        ),
        source=row["source"],
        model_name=row["model_name"],
        giver_id=row["user_id"],
        timestamp=row["timestamp"],
        licence=row["licence"],
        language=row["language"],
        user_metadata=json.loads(row["user_metadata"]),
        conversation_metadata=json.loads(row["conversation_metadata"]),
    )
