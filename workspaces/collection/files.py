"""Collection files: Parquet in the ShareLM columns, with the tree of messages kept and what curation says of it."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workspaces.collection.near_duplicates.signatures import BANDS, bands, shingles
from workspaces.files import replaced, sync_folder
from workspaces.records import Conversation, Message, Role, stable_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from workspaces.collection.near_duplicates.signatures import Shingled

MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("id", pa.string()),
        ("parent_id", pa.string()),
        ("model_name", pa.string()),
        ("language", pa.string()),
        ("flags", pa.list_(pa.string())),
    ]
)
SCHEMA = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("conversation", pa.list_(MESSAGE)),
        ("model_name", pa.string()),
        ("user_id", pa.string()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("language", pa.string()),
        ("user_metadata", pa.string()),
        ("conversation_metadata", pa.string()),
        ("content_hash", pa.string()),
        ("detected_language", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("turns", pa.int32()),
        ("words", pa.int64()),
        ("near_bands", pa.list_(pa.uint64(), BANDS)),
        ("earlier_hashes", pa.list_(pa.string())),
    ]
)
"""The ShareLM columns; ``user_id`` is our pseudonym and the two metadata columns are JSON. Then what curation
found: of a message its language and flags; of the conversation a hash of who said what, the language of most of
it, flags, how often a person spoke, its words, and its MinHash bands. Missing where nobody looked. Last, of a
conversation that grew, the content hashes of the texts that it grew from."""

COMPUTED = ("content_hash", "turns", "words", "near_bands")
"""The columns that ``measured`` fills."""

ROW_GROUP = 256
"""Conversations that must be unpacked to read one of them."""


def write_part(path: Path, table: pa.Table) -> None:
    """Write conversations as one file that is either whole or not there, and outlives a power cut."""
    with replaced(path) as file:
        pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)


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
        replaced(path) as file,
        pq.ParquetWriter(file, old.schema_arrow, compression="zstd") as new,
    ):
        for batch in old.iter_batches(batch_size=ROW_GROUP, use_threads=False):
            ids = batch.column("conversation_id").cast(pa.string())
            kept = batch.filter(pc.invert(pc.is_in(ids, value_set=unwanted)))
            left += kept.num_rows
            if kept.num_rows:
                new.write_batch(kept)
    if not left:
        path.unlink()
        sync_folder(path.parent)
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


def _is_being_written(temporary: Path) -> bool:
    """Tell whether another process that still runs, and is no later one with the same number, writes this file."""
    number = temporary.suffixes[-2].removeprefix(".") if len(temporary.suffixes) > 1 else ""
    if not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        return psutil.Process(int(number)).create_time() <= temporary.stat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False


def batches_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one file, a few hundred in memory at a time, with these columns (None: all of ``SCHEMA``).

    A column that the file lacks, because it was written by an older workbench, is null.
    """
    schema = SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])
    with pq.ParquetFile(path) as file:
        there = [name for name in schema.names if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=there, use_threads=False):
            yield _completed(batch, schema)


def read_some(path: Path, conversation_ids: Iterable[str]) -> Iterator[Conversation]:
    """Yield some conversations of one file."""
    for batch in batches_with(path, conversation_ids):
        yield from conversations_in(batch)


def batches_with(path: Path, conversation_ids: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some conversations of one file; only groups of rows that hold one are unpacked."""
    wanted = pa.array(sorted(conversation_ids), pa.string())
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=["conversation_id"], use_threads=False).column(0)
            if not pc.any(pc.is_in(ids, wanted)).as_py():
                continue
            for batch in file.iter_batches(batch_size=ROW_GROUP, row_groups=[group], use_threads=False):
                found = batch.filter(pc.is_in(batch.column("conversation_id"), wanted))
                yield _completed(found, SCHEMA)


def holds_any(path: Path, conversation_ids: Collection[str]) -> bool:
    """Return whether a file has a row of one of these conversations, be it one that nobody refers to."""
    wanted = pa.array(sorted(conversation_ids), pa.string())
    ids = pq.read_table(path, columns=["conversation_id"], use_threads=False).column(0)
    return bool(pc.any(pc.is_in(ids, wanted)).as_py())


def lacks_beginning(table: pa.Table) -> list[bool]:
    """Return of each conversation whether it is a fragment: its first message answers one that is not there."""
    conversation = _contiguous(table.column("conversation"))
    answers = conversation.flatten().field("parent_id").is_valid().to_pylist()
    offsets = conversation.offsets.to_pylist()
    return [start < end and answers[start - offsets[0]] for start, end in pairwise(offsets)]


def _completed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with exactly the columns of a schema, in its order."""
    if batch.schema.equals(schema):
        return batch
    columns = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
        elif batch.column(index).type.equals(field.type):
            columns.append(batch.column(index))
        else:
            columns.append(_with_message_fields(batch.column(index)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _with_message_fields(conversation: pa.ListArray) -> pa.ListArray:
    messages = conversation.flatten()
    fields = [MESSAGE.field(index) for index in range(MESSAGE.num_fields)]
    arrays = [
        messages.field(field.name)
        if messages.type.get_field_index(field.name) >= 0
        else pa.nulls(len(messages), field.type)
        for field in fields
    ]
    offsets = pc.subtract(conversation.offsets, conversation.offsets[0])
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(arrays, fields=fields))


def conversations_in(batch: pa.RecordBatch | pa.Table) -> Iterator[Conversation]:
    """Yield the conversations of a batch with the columns of ``SCHEMA``."""
    for row in batch.to_pylist():
        yield _conversation(row)


def to_batch(conversations: Sequence[Conversation]) -> pa.RecordBatch:
    """Return conversations as a batch with the columns of ``SCHEMA``; those that curation fills are empty.

    Raises:
        UnicodeEncodeError: a text holds what UTF-8 cannot, such as a lone surrogate.
    """
    messages = [message for conversation in conversations for message in conversation.messages]
    offsets = [0]
    for conversation in conversations:
        offsets.append(offsets[-1] + len(conversation.messages))
    columns: dict[str, Any] = {
        "conversation_id": [it.id for it in conversations],
        "conversation": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _message_array(messages)),
        "model_name": [it.model_name for it in conversations],
        "user_id": [it.giver_id for it in conversations],
        "timestamp": [it.timestamp for it in conversations],
        "source": [it.source for it in conversations],
        "licence": [it.licence for it in conversations],
        "language": [it.language for it in conversations],
        "user_metadata": [_json(it.user_metadata) for it in conversations],
        "conversation_metadata": [_json(it.conversation_metadata) for it in conversations],
    }
    return pa.RecordBatch.from_arrays(
        [_column(columns.get(field.name), field.type, len(conversations)) for field in SCHEMA], schema=SCHEMA
    )


def measured(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with the columns ``COMPUTED`` filled."""
    shingled = shingles(texts_of(batch))
    turns, hashes = _turns_and_hashes(batch)
    values = {
        "content_hash": pa.array(hashes, pa.string()),
        "turns": pa.array(turns, pa.int32()),
        "words": pa.array(shingled.words, pa.int64()),
        "near_bands": _band_array(shingled),
    }
    for name, value in values.items():
        batch = batch.set_column(batch.schema.get_field_index(name), SCHEMA.field(name), value)
    return batch


def texts_of(batch: pa.RecordBatch | pa.Table) -> list[str]:
    """Return the text of each conversation: its messages in order, one after the other."""
    conversation = _contiguous(batch.column("conversation"))
    contents = conversation.flatten().field("content").to_pylist()
    offsets = conversation.offsets.to_pylist()
    start = offsets[0] if offsets else 0
    return ["\n".join(contents[one - start : other - start]) for one, other in pairwise(offsets)]


def _turns_and_hashes(batch: pa.RecordBatch) -> tuple[list[int], list[str]]:
    """Return how often a person speaks in each conversation, and its content hash.

    The hash is of who said what, and of the model; two logs with the same hash are the same log.
    """
    conversation = _contiguous(batch.column("conversation"))
    messages = conversation.flatten()
    roles, contents, models = (messages.field(name).to_pylist() for name in ("role", "content", "model_name"))
    offsets = conversation.offsets.to_pylist()
    first = offsets[0] if offsets else 0
    turns, hashes = [], []
    for model, start, end in zip(
        batch.column("model_name").to_pylist(), offsets[:-1], offsets[1:], strict=True
    ):
        span = slice(start - first, end - first)
        said = [list(turn) for turn in zip(roles[span], contents[span], models[span], strict=True)]
        hashes.append(stable_id(json.dumps([model, said])))
        turns.append(roles[span].count(Role.USER.value))
    return turns, hashes


def _band_array(shingled: Shingled) -> pa.Array:
    hashes = bands(shingled)
    return pa.FixedSizeListArray.from_arrays(pa.array(hashes.reshape(-1)), BANDS)


def _message_array(messages: Sequence[Message]) -> pa.StructArray:
    columns = {
        "role": [it.role.value for it in messages],
        "content": [it.content for it in messages],
        "id": [it.id for it in messages],
        "parent_id": [it.parent_id for it in messages],
        "model_name": [it.model_name for it in messages],
    }
    fields = [MESSAGE.field(index) for index in range(MESSAGE.num_fields)]
    arrays = [_column(columns.get(field.name), field.type, len(messages)) for field in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _column(values: Any, kind: pa.DataType, size: int) -> pa.Array:
    if values is None:
        return pa.nulls(size, kind)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _contiguous(column: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _json(value: Any) -> str:
    return json.dumps(dict(value), ensure_ascii=False) if value else "{}"


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
