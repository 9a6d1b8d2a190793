"""Collection files: Parquet in the ShareLM columns, with the tree of messages kept."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
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


ROWS_AT_ONCE = 512
"""Rows in memory while a file is read or rewritten."""


def write_part(path: Path, conversations: Sequence[Conversation]) -> None:
    """Write conversations as one file that is either whole or not there, and outlives a power cut."""
    table = pa.Table.from_pylist([_row(conversation) for conversation in conversations], schema=SCHEMA)
    with _replaced(path) as file:
        pq.write_table(table, file, compression="zstd")


def remove_from_part(path: Path, conversation_ids: Collection[str]) -> int:
    """Take conversations out of a file, whatever its columns; return how many it still holds.

    The file is replaced in one instant, and removed when nothing is left; one that is gone already holds none.
    """
    if not path.exists():
        return 0
    left = 0
    unwanted = pa.array(sorted(conversation_ids), pa.string())
    with (
        pq.ParquetFile(path) as old,
        _replaced(path) as file,
        pq.ParquetWriter(file, old.schema_arrow, compression="zstd") as new,
    ):
        for batch in old.iter_batches(batch_size=ROWS_AT_ONCE):
            ids = batch.column("conversation_id").cast(pa.string())
            kept = batch.filter(pc.invert(pc.is_in(ids, value_set=unwanted)))
            left += kept.num_rows
            new.write_batch(kept)
    if not left:
        path.unlink()
        _sync_folder(path.parent)
    return left


def clear_leftovers(folder: Path, parts: Collection[str]) -> int:
    """Remove what killed runs left in the collection's folder; return how many files.

    These are the half-written files of processes that are gone, and whole files that are not among ``parts``.
    Call it while the workspace is locked: a file that another process has just written is not registered yet.
    """
    gone = 0
    for path in [*folder.glob("*.tmp"), *folder.glob("part-*.parquet")]:
        if path.name not in parts and not (path.suffix == ".tmp" and _is_being_written(path)):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of ``path`` when the block ends well."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows opens no folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_being_written(temporary: Path) -> bool:
    """Tell whether another process that still runs, and is no later one with the same number, writes this file."""
    number = temporary.suffixes[-2].removeprefix(".") if len(temporary.suffixes) > 1 else ""
    if not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        return psutil.Process(int(number)).create_time() <= temporary.stat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False


def read_part(path: Path) -> Iterator[Conversation]:
    """Yield the conversations of one file, a few hundred in memory at a time."""
    for batch in pq.ParquetFile(path).iter_batches(batch_size=ROWS_AT_ONCE):
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
