"""Collection files: Parquet with the ShareLM columns, the tree of messages, and the columns that curation fills."""

from __future__ import annotations

import json
import os
from itertools import compress, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workspaces.collection.message_columns import (
    MESSAGE,
    logged,
    message_array,
    messages_of,
    structures,
    with_columns,
)
from workspaces.collection.near_duplicates.signatures import BANDS, bands, shingles
from workspaces.collection.opening import opened_part
from workspaces.files import replaced, sync_folder
from workspaces.read_ahead import read_ahead
from workspaces.records import Conversation, Message, Role, stable_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from workspaces.collection.near_duplicates.signatures import Shingled

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
"""The columns of a collection file.

First the ShareLM columns; ``user_id`` is our pseudonym, and the two metadata columns are JSON. A message also holds
reasoning, tool calls and attachments (``message_columns.STRUCTURE``); a response that was ``generated`` says so, and
stands after all messages of the log. Then the columns of curation: the language and flags of each message; the content
hash of the conversation (of its messages and models), the language of most of its text, its flags, the number of
messages of the user, the number of words, and the MinHash bands. All but the flags are of the log alone. They are null
where curation has not run. Last, for a conversation that grew, the content hashes of the texts that it grew from.
"""

CONVERSATION = SCHEMA.names[: SCHEMA.names.index("content_hash")]
"""The columns that a ``Conversation`` holds: those before the columns that curation adds."""

COMPUTED = ("content_hash", "turns", "words", "near_bands")
"""The columns that ``measured`` computes."""

ROW_GROUP = 256
"""Conversations in a row group, all of which are decompressed to read one of them."""


def file_name(contents: Iterable[str]) -> str:
    """Return the name of a collection file, which depends only on the strings that identify its contents."""
    return f"part-{stable_id(*contents)}.parquet"


def write_file(path: Path, table: pa.Table) -> None:
    """Write conversations to a file. The file exists only when it is complete, and survives a power failure."""
    with replaced(path) as file:
        pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)


def remove_from_file(path: Path, conversation_ids: Collection[str]) -> int:
    """Remove conversations from a file, whatever its columns; return how many it still holds.

    The file is replaced atomically, and deleted when no conversation is left. For a missing file the result is 0.
    """
    if not path.exists():
        return 0
    remaining = 0
    unwanted = pa.array(sorted(conversation_ids), pa.string())
    with (
        opened_part(path) as old,
        replaced(path) as file,
        pq.ParquetWriter(file, old.schema_arrow, compression="zstd") as new,
    ):
        for batch in old.iter_batches(batch_size=ROW_GROUP, use_threads=False):
            ids = batch.column("conversation_id").cast(pa.string())
            kept = batch.filter(pc.invert(pc.is_in(ids, value_set=unwanted)))
            remaining += kept.num_rows
            if kept.num_rows:
                new.write_batch(kept)
    if not remaining:
        path.unlink()
        sync_folder(path.parent)
    return remaining


def clear_leftovers(folder: Path, files: Collection[str]) -> int:
    """Remove the files that killed runs left in the collection's folder; return how many.

    These are incomplete files of processes that have ended, and complete files whose names are not in ``files``.
    Call it while the workspace is locked: a file that another process has just written is not registered yet.
    """
    removed = 0
    for path in [*folder.glob("*.tmp"), *folder.glob("part-*.parquet")]:
        if path.name not in files and not (path.suffix == ".tmp" and is_being_written(path)):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def is_being_written(temporary: Path, *, also_here: bool = False) -> bool:
    """Return whether another process is writing this file; ``also_here``: or this one, in another thread.

    The file name contains the id of its process. A process that started later than the file has reused the id.
    """
    number = temporary.suffixes[-2].removeprefix(".") if len(temporary.suffixes) > 1 else ""
    if not number.isdigit() or (int(number) == os.getpid() and not also_here):
        return False
    try:
        return psutil.Process(int(number)).create_time() <= temporary.stat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False


def batches_of(
    path: Path, columns: Sequence[str] | None = None, rows: int = ROW_GROUP
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file with these columns (None: all of ``SCHEMA``), ``rows`` in memory at a time.

    A column that the file lacks, because an older version wrote it, is null.
    """
    schema = _schema(columns)
    with opened_part(path) as file:
        available = _available(file, schema)
        for batch in file.iter_batches(batch_size=rows, columns=available, use_threads=False):
            yield _completed(batch, schema)


def read_some(path: Path, conversation_ids: Iterable[str]) -> Iterator[Conversation]:
    """Yield the named conversations of a file."""
    for batch in read_ahead(batches_with(path, conversation_ids, CONVERSATION)):
        yield from conversations_in(batch)


def batches_with(
    path: Path, conversation_ids: Iterable[str], columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the named conversations of a file with these columns, as ``batches_of`` does.

    Only row groups that hold one of them are decompressed.
    """
    wanted = frozenset(conversation_ids)
    schema = _schema(columns)
    with opened_part(path) as file:
        available = _available(file, schema)
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=["conversation_id"], use_threads=False).column(0)
            if wanted.isdisjoint(ids.to_pylist()):
                continue
            for batch in file.iter_batches(
                batch_size=ROW_GROUP, row_groups=[group], columns=available, use_threads=False
            ):
                names = batch.column("conversation_id").to_pylist()
                kept = [place for place, name in enumerate(names) if name in wanted]
                yield _completed(rows_at(batch, kept), schema)


def _schema(columns: Sequence[str] | None) -> pa.Schema:
    return SCHEMA if columns is None else pa.schema([SCHEMA.field(name) for name in columns])


def _available(file: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    """Return those columns of a schema that the file has; an older version may have written it without some."""
    return [name for name in schema.names if name in file.schema_arrow.names]


def rows_at(batch: pa.RecordBatch, positions: Sequence[int] | NDArray[np.int64]) -> pa.RecordBatch:
    """Return the rows of a batch at some positions, in order.

    The indices are built from a buffer, because ``pa.array`` imports pandas, which takes a second.
    """
    if len(positions) == batch.num_rows:
        return batch
    buffer = pa.py_buffer(np.array(positions, np.int64))
    return batch.take(pa.Array.from_buffers(pa.int64(), len(positions), [None, buffer]))


def holds_any(path: Path, conversation_ids: Collection[str]) -> bool:
    """Return whether a file has a row of one of these conversations, also one to which no entry refers."""
    wanted = pa.array(sorted(conversation_ids), pa.string())
    with opened_part(path) as file:
        ids = file.read(columns=["conversation_id"], use_threads=False).column(0)
    return bool(pc.any(pc.is_in(ids, wanted)).as_py())


def lacks_beginning(table: pa.Table) -> list[bool]:
    """Return for each conversation whether it is a fragment, whose first message answers a message outside of it."""
    lacking: list[bool] = []
    for conversation in table.column("conversation").chunks:
        answers = conversation.flatten().field("parent_id").is_valid().to_pylist()
        offsets = conversation.offsets.to_pylist()
        lacking += (start < end and answers[start - offsets[0]] for start, end in pairwise(offsets))
    return lacking


def _completed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with exactly the columns of a schema, in its order; missing columns are null."""
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
    offsets = pc.subtract(conversation.offsets, conversation.offsets[0])
    return pa.ListArray.from_arrays(offsets, with_columns(len(messages), {}, messages))


def conversations_in(batch: pa.RecordBatch | pa.Table) -> Iterator[Conversation]:
    """Yield the conversations of a batch that has the columns of ``SCHEMA``."""
    for some in [batch] if isinstance(batch, pa.RecordBatch) else batch.to_batches():
        chats = some.column("conversation")
        messages, offsets = messages_of(chats.flatten()), chats.offsets.to_pylist()
        rows = some.select(_BESIDE_MESSAGES).to_pylist()
        for row, start, end in zip(rows, offsets[:-1], offsets[1:], strict=True):
            yield _conversation(row, messages[start - offsets[0] : end - offsets[0]])


_BESIDE_MESSAGES = [name for name in CONVERSATION if name != "conversation"]


def to_batch(conversations: Sequence[Conversation]) -> pa.RecordBatch:
    """Return conversations as a batch with the columns of ``SCHEMA``; those that curation fills are null.

    Raises:
        UnicodeEncodeError: a text contains a character that UTF-8 cannot encode, such as a lone surrogate.
    """
    messages = [message for conversation in conversations for message in conversation.messages]
    offsets = [0]
    for conversation in conversations:
        offsets.append(offsets[-1] + len(conversation.messages))
    columns: dict[str, Any] = {
        "conversation_id": [conversation.id for conversation in conversations],
        "conversation": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), message_array(messages)),
        "model_name": [conversation.model_name for conversation in conversations],
        "user_id": [conversation.giver_id for conversation in conversations],
        "timestamp": [conversation.timestamp for conversation in conversations],
        "source": [conversation.source for conversation in conversations],
        "licence": [conversation.licence for conversation in conversations],
        "language": [conversation.language for conversation in conversations],
        "user_metadata": [_json(conversation.user_metadata) for conversation in conversations],
        "conversation_metadata": [
            _json(conversation.conversation_metadata) for conversation in conversations
        ],
    }
    return pa.RecordBatch.from_arrays(
        [_column(columns.get(field.name), field.type, len(conversations)) for field in SCHEMA], schema=SCHEMA
    )


def measured(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with the columns ``COMPUTED`` computed from its texts."""
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


def with_computed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a stored batch with the columns ``COMPUTED``; they are computed if an older version wrote the batch."""
    return measured(batch) if batch.column("near_bands").null_count else batch


def texts_of(batch: pa.RecordBatch | pa.Table) -> list[str]:
    """Return the text of each conversation: the messages of its log in order, joined by line breaks."""
    conversation = _contiguous(batch.column("conversation"))
    messages = conversation.flatten()
    contents, of_log = messages.field("content").to_pylist(), logged(messages)
    offsets = conversation.offsets.to_pylist()
    start = offsets[0] if offsets else 0
    spans = (slice(first - start, end - start) for first, end in pairwise(offsets))
    return ["\n".join(compress(contents[span], of_log[span])) for span in spans]


def _turns_and_hashes(batch: pa.RecordBatch) -> tuple[list[int], list[str]]:
    """Return the number of user messages of each conversation, and its content hash.

    The hash covers the roles, texts, models and structure of the messages of its log, and the model of the
    conversation. Two logs with the same hash are the same log, whatever was generated for either.
    """
    conversation = _contiguous(batch.column("conversation"))
    messages = conversation.flatten()
    roles, contents, models = (messages.field(name).to_pylist() for name in ("role", "content", "model_name"))
    held, of_log = structures(messages), logged(messages)
    offsets = conversation.offsets.to_pylist()
    first = offsets[0] if offsets else 0
    turns, hashes = [], []
    for model, start, end in zip(
        batch.column("model_name").to_pylist(), offsets[:-1], offsets[1:], strict=True
    ):
        span = slice(start - first, end - first)
        hashed_messages = [
            [*turn, structure] if structure else list(turn)
            for *turn, structure in compress(
                zip(roles[span], contents[span], models[span], held[span], strict=True), of_log[span]
            )
        ]
        hashes.append(stable_id(json.dumps([model, hashed_messages])))
        turns.append(roles[span].count(Role.USER.value))
    return turns, hashes


def _band_array(shingled: Shingled) -> pa.Array:
    hashes = bands(shingled)
    return pa.FixedSizeListArray.from_arrays(pa.array(hashes.reshape(-1)), BANDS)


def _column(values: Any, kind: pa.DataType, size: int) -> pa.Array:
    if values is None:
        return pa.nulls(size, kind)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _contiguous(column: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _object(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {} if text == "{}" else json.loads(text)
    return found


def _json(value: Any) -> str:
    return json.dumps(dict(value), ensure_ascii=False) if value else "{}"


def _conversation(row: dict[str, Any], messages: Iterable[Message]) -> Conversation:
    return Conversation(
        id=row["conversation_id"],
        messages=tuple(messages),
        source=row["source"],
        model_name=row["model_name"],
        giver_id=row["user_id"],
        timestamp=row["timestamp"],
        licence=row["licence"],
        language=row["language"],
        user_metadata=_object(row["user_metadata"]),
        conversation_metadata=_object(row["conversation_metadata"]),
    )
