"""Removes personal data and secrets from conversations: from all that their messages hold, and from their metadata."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS, Batch
from task_generators.chat_logs.curation.structure import refilled_structure, structure_texts
from workspaces.collection.message_columns import STRUCTURE, with_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pydantic import JsonValue

    from workspaces.privacy.redaction import Redactor


def redact(batch: Batch, redactor: Redactor) -> Batch:
    """Return the batch with placeholders, and their number by type in the column ``redactions``.

    A value has the same placeholder in every message of a conversation, in the calls of tools and the names of
    attachments, and in the conversation's metadata, such as a title.
    """
    rows = batch.rows
    conversation = rows.column("conversation")
    messages = conversation.flatten()
    contents = messages.field("content").to_pylist()
    structures = _structures(messages)
    metadata = rows.column("conversation_metadata").to_pylist()
    counts: list[str | None] = []
    first = conversation.offsets[0].as_py() if len(rows.columns) else 0
    offsets = [offset - first for offset in conversation.offsets.to_pylist()]
    fields = [json.loads(value) if value != "{}" else {} for value in metadata]
    spans = list(pairwise(offsets))
    texts = [
        [
            *contents[start:end],
            *_texts(fields_of_conversation),
            *(text for held in structures[start:end] if held for text in structure_texts(held)),
        ]
        for (start, end), fields_of_conversation in zip(spans, fields, strict=True)
    ]
    for index, ((start, end), redacted) in enumerate(zip(spans, redactor.redact_all(texts), strict=True)):
        counts.append(json.dumps(dict(redacted.counts)) if redacted.counts else None)
        if redacted.counts:
            contents[start:end] = redacted.texts[: end - start]
            remaining = iter(redacted.texts[end - start :])
            metadata[index] = json.dumps(_refilled(fields[index], remaining), ensure_ascii=False)
            structures[start:end] = [refilled_structure(held, remaining) for held in structures[start:end]]
    if not any(counts):
        return batch
    columns: dict[str, Any] = {"content": contents}
    if any(structures):
        columns |= {name: [held.get(name) for held in structures] for name in STRUCTURE}
    replaced = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), with_columns(len(messages), columns, messages)
    )
    return (
        batch.with_column("conversation", replaced)
        .with_column("conversation_metadata", metadata)
        .with_column("redactions", counts)
    )


def redact_again(rows: pa.RecordBatch, redactor: Redactor) -> tuple[Batch, list[bool]]:
    """Return stored rows as a batch with what ``redactor`` finds replaced, and which of them changed.

    Placeholders stay, and new ones get numbers that follow theirs. So doing it twice changes nothing more.
    """
    size = rows.num_rows
    nothing = (pa.nulls(size, ROWS.field(name).type) for name in ROWS.names[len(rows.schema) :])
    batch = redact(Batch(pa.RecordBatch.from_arrays([*rows.columns, *nothing], schema=ROWS)), redactor)
    return batch, batch.rows.column("redactions").is_valid().to_pylist()


def _structures(messages: pa.StructArray) -> list[dict[str, Any]]:
    """Return what each message holds beside its text; an empty dictionary where that is nothing."""
    if all(messages.field(name).null_count == len(messages) for name in STRUCTURE):
        return [{}] * len(messages)
    columns = [messages.field(name).to_pylist() for name in STRUCTURE]
    return [
        {name: value for name, value in zip(STRUCTURE, values, strict=True) if value}
        for values in zip(*columns, strict=True)
    ]


def _texts(value: JsonValue) -> list[str]:
    """Return the strings inside a value, in the order in which ``_refilled`` replaces them."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def _refilled(value: JsonValue, texts: Iterator[str]) -> JsonValue:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {name: _refilled(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_refilled(item, texts) for item in value]
    return value
