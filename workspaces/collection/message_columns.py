"""The columns of a message in the collection's files, and messages to and from them."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from workspaces.records import Attachment, Generated, Message, Role, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("id", pa.string()),
        ("parent_id", pa.string()),
        ("model_name", pa.string()),
        ("language", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("reasoning", pa.string()),
        (
            "tool_calls",
            pa.list_(pa.struct([("name", pa.string()), ("arguments", pa.string()), ("id", pa.string())])),
        ),
        ("tool_call_id", pa.string()),
        ("tool_name", pa.string()),
        (
            "attachments",
            pa.list_(pa.struct([("kind", pa.string()), ("name", pa.string()), ("media_type", pa.string())])),
        ),
        ("generated", pa.struct([("parameters", pa.string()), ("licence", pa.string())])),
    ]
)
FIELDS = tuple(MESSAGE.field(index) for index in range(MESSAGE.num_fields))
STRUCTURE = ("reasoning", "tool_calls", "tool_call_id", "tool_name", "attachments")
"""What a message holds beside its text; null in most messages, and in files of older versions."""


def message_array(messages: Sequence[Message]) -> pa.StructArray:
    """Return messages as an array of ``MESSAGE``; the columns that curation fills are null."""
    columns: dict[str, list[Any]] = {
        "role": [message.role.value for message in messages],
        "content": [message.content for message in messages],
        "id": [message.id for message in messages],
        "parent_id": [message.parent_id for message in messages],
        "model_name": [message.model_name for message in messages],
    }
    if any(message.structure for message in messages):
        columns |= {
            "reasoning": [message.reasoning for message in messages],
            "tool_calls": [
                [asdict(call) for call in message.tool_calls] if message.tool_calls else None
                for message in messages
            ],
            "tool_call_id": [message.tool_call_id for message in messages],
            "tool_name": [message.tool_name for message in messages],
            "attachments": [
                [asdict(attachment) for attachment in message.attachments] if message.attachments else None
                for message in messages
            ],
        }
    if any(message.generated for message in messages):
        columns["generated"] = [
            None if message.generated is None else asdict(message.generated) for message in messages
        ]
    return with_columns(len(messages), columns)


def with_columns(size: int, columns: dict[str, Any], others: pa.StructArray | None = None) -> pa.StructArray:
    """Return messages with these columns; further ones are those of ``others``, or null."""
    arrays = []
    for field in FIELDS:
        values = columns.get(field.name)
        if values is not None:
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
        elif others is not None and others.type.get_field_index(field.name) >= 0:
            arrays.append(others.field(field.name))
        else:
            arrays.append(pa.nulls(size, field.type))
    return pa.StructArray.from_arrays(arrays, fields=list(FIELDS))


def messages_of(messages: pa.StructArray) -> list[Message]:
    """Return the messages of an array of ``MESSAGE``."""

    def column(name: str) -> Iterable[Any]:
        there = messages.type.get_field_index(name) >= 0
        return messages.field(name).to_pylist() if there else repeat(None, len(messages))

    columns = zip(*map(column, _OF_MESSAGE), strict=True)
    return [
        Message(
            name,
            parent_id,
            _ROLES[role],
            content,
            model,
            reasoning,
            tuple(ToolCall(**call) for call in calls) if calls else (),
            call_id,
            tool_name,
            tuple(Attachment(**attachment) for attachment in files) if files else (),
            generated=Generated(**generated) if generated else None,
        )
        for name, parent_id, role, content, model, reasoning, calls, call_id, tool_name, files, generated in columns
    ]


_ROLES = {role.value: role for role in Role}
_OF_MESSAGE = ("id", "parent_id", "role", "content", "model_name", *STRUCTURE, "generated")


def are_responses(messages: pa.StructArray) -> pa.BooleanArray:
    """Return which messages are responses, as ``Message.is_response`` has it."""
    is_model = pc.starts_with(messages.field("role"), pattern=Role.ASSISTANT.value)
    if messages.type.get_field_index("tool_calls") < 0:  # a file of an older version
        return is_model
    calls = pc.list_value_length(messages.field("tool_calls"))
    return pc.and_(is_model, pc.or_kleene(pc.is_null(calls), pc.equal(calls, 0)))


def logged(messages: pa.StructArray) -> list[bool]:
    """Return for each message whether it is of the log: not generated."""
    if messages.type.get_field_index("generated") < 0:
        return [True] * len(messages)
    column = messages.field("generated")
    if column.null_count == len(messages):
        return [True] * len(messages)
    return [not each for each in column.is_valid().to_pylist()]


def structures(messages: pa.StructArray) -> list[str]:
    """Return ``Message.structure`` of each message."""
    if all(messages.field(name).null_count == len(messages) for name in STRUCTURE):
        return [""] * len(messages)
    columns = [messages.field(name).to_pylist() for name in STRUCTURE]
    return [structure_of(dict(zip(STRUCTURE, values, strict=True))) for values in zip(*columns, strict=True)]


def structure_of(row: dict[str, Any]) -> str:
    """Return ``Message.structure`` of a row with the columns ``STRUCTURE``; other columns are ignored."""
    held = {name: row[name] for name in STRUCTURE if row[name]}
    return json.dumps(held, sort_keys=True) if held else ""


def texts_beside(row: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a row beside its content: reasoning, calls and attachments."""
    if row["reasoning"]:
        yield row["reasoning"]
    for call in row["tool_calls"] or ():
        yield f"{call['name']}({call['arguments']})"
    for attachment in row["attachments"] or ():
        yield " ".join(filter(None, (attachment["kind"], attachment["name"])))
