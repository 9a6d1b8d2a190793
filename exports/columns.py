"""Column types as plain data, and the columns that several projections share.

A projection declares its columns with these types, because ``datasets`` takes seconds to import and listing the
projections must not wait for it. ``exports.dataset`` turns them into ``datasets.Features`` when it writes a table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from exports.context import TOOL_CALLS, TOOLS, held, held_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from exports.checked import CheckedResponse
    from exports.context import Prompt
    from exports.harms import JudgedHarm
    from exports.items import ExportItem

Row: TypeAlias = "Mapping[str, JsonValue]"
ColumnType: TypeAlias = "str | ListOf | Mapping[str, ColumnType]"
"""The name of an Arrow type, a list, or a struct of named fields."""
Columns: TypeAlias = "Mapping[str, ColumnType]"
"""The columns of a table by name, in order."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of any length whose elements have one type."""

    element: ColumnType


TEXT = "string"
COUNT = "int64"
NUMBER = "float64"
FLAG = "bool"
TEXTS = ListOf(TEXT)
JSON = "json"
"""Values of any form, which are stored as JSON text; ``datasets`` reads them as they were since version 4.7."""
MESSAGE: Columns = {"role": TEXT, "content": TEXT}
"""One message as chat templates read it."""
MESSAGES = ListOf(MESSAGE)
"""Messages as chat templates read them."""
MESSAGES_WITH_TOOLS = ListOf(JSON)
"""Messages of which some call tools or hold a tool's result, as TRL and OpenAI write them.

Each has the keys that it needs and no others: columns of a struct would be null in the other messages, and templates
such as that of Llama 3 take a null ``tool_calls`` for a call.
"""
ORIGIN: Columns = {"rules_versions": TEXTS, "licences": TEXTS, "sources": TEXTS}
"""The last columns of a table that says where its rows come from."""
OF_RESPONSE: Columns = {
    "conversation_ids": TEXTS,
    "message_ids": TEXTS,
    "models": TEXTS,
    "origin": TEXT,
    "n_annotators": COUNT,
    "adjudicated": FLAG,
    **ORIGIN,
}
"""These columns where a row is about one response."""


def origin(item: ExportItem) -> dict[str, JsonValue]:
    """Return the values of the columns ``ORIGIN``."""
    return {
        "rules_versions": list(item.rules_versions),
        "licences": list(item.licences),
        "sources": list(item.sources),
    }


def of_response(item: CheckedResponse | JudgedHarm, n_annotators: int) -> dict[str, JsonValue]:
    """Return the values of the columns ``OF_RESPONSE``."""
    return {
        "conversation_ids": list(item.conversation_ids),
        "message_ids": list(item.message_ids),
        "models": list(item.models),
        "origin": item.origin.value,
        "n_annotators": n_annotators,
        "adjudicated": item.adjudicated,
        **origin(item),
    }


def messages(prompt: Prompt) -> list[JsonValue]:
    """Return the value of a ``MESSAGES`` column for a prompt."""
    return [
        {
            "role": turn[0],
            "content": turn[1],
            **{name: _as_read(name, value) for name, value in held(turn[2:]).items() if name != TOOLS},
        }
        if len(turn) > 2
        else {"role": turn[0], "content": turn[1]}
        for turn in prompt
    ]


def tools(prompt: Prompt) -> dict[str, JsonValue]:
    """Return the value of the column ``TOOLS`` by name; empty where the log of a prompt names no tools."""
    named = held(prompt[0][2:]).get(TOOLS) if prompt and len(prompt[0]) > 2 else None
    return {TOOLS: named} if named else {}


def _as_read(name: str, value: JsonValue) -> JsonValue:
    """Return a key of a message as chat templates read it: arguments of calls are values, not JSON text."""
    if name != TOOL_CALLS:
        return value
    return [{**call, "function": function_of(call)} for call in _listed(value) if isinstance(call, dict)]


def function_of(call: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the name and the arguments of a call, the arguments as values.

    A call without arguments has none by name: templates ask for a mapping, and logs write nothing or null. Arguments
    with a whole number that no reader of JSON columns holds stay the text that they are.
    """
    function = call["function"]
    assert isinstance(function, dict)
    written = str(function["arguments"])
    try:
        arguments = json.loads(written, parse_int=held_whole)
    except ValueError:
        arguments = written
    blank = isinstance(arguments, str) and not arguments.strip()
    return {**function, "arguments": {} if arguments is None or blank else arguments}


def with_tools(columns: Columns, rows: Iterable[Row]) -> Columns:
    """Return the columns with room for tools where rows need it; trainers refuse some columns that are empty.

    Where one list of messages needs it, all have it: TRL's ``RewardTrainer`` puts prompt and response together in the
    column of the response, which as a struct holds no arguments of different types under one name.
    """
    calling: set[str] = set()
    for row in rows:
        if TOOLS not in columns and row.get(TOOLS) is not None:
            calling.add(TOOLS)
        for name, kind in columns.items():
            if kind is MESSAGES and name not in calling and any(map(_has_tools, _listed(row[name]))):
                calling.add(name)
    if not calling:
        return columns
    room = MESSAGES_WITH_TOOLS if calling - {TOOLS} else MESSAGES
    widened = {name: room if kind is MESSAGES else kind for name, kind in columns.items()}
    return {**widened, TOOLS: JSON} if TOOLS in calling else widened


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _has_tools(message: JsonValue) -> bool:
    return isinstance(message, dict) and len(message) > 2


def reply(text: str) -> list[JsonValue]:
    """Return the value of a ``MESSAGES`` column for one assistant message."""
    return messages((("assistant", text),))


def flat_prompt(prompt: Prompt) -> str:
    """Return a prompt as one string: a single user turn as it is, else every turn behind its role."""
    if len(prompt) == 1:
        return prompt[0][1]
    return "\n\n".join([*(f"{role}: {content}" for role, content, *_ in prompt), "assistant:"])
