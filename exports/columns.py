"""Column types as plain data, and the columns that several projections share.

A projection declares its columns with these types, because ``datasets`` takes seconds to import and listing the
projections must not wait for it. ``exports.dataset`` turns them into ``datasets.Features`` when it writes a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from exports.context import Prompt
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
MESSAGE: Columns = {"role": TEXT, "content": TEXT}
"""One message as chat templates read it."""
MESSAGES = ListOf(MESSAGE)
"""Messages as chat templates read them."""

ORIGIN: Columns = {"rules_versions": TEXTS, "licences": TEXTS, "sources": TEXTS}
"""The last columns of a table that says where its rows come from."""


def origin(item: ExportItem) -> dict[str, JsonValue]:
    """Return the values of the columns ``ORIGIN``."""
    return {
        "rules_versions": list(item.rules_versions),
        "licences": list(item.licences),
        "sources": list(item.sources),
    }


def messages(prompt: Prompt) -> list[JsonValue]:
    """Return the value of a ``MESSAGES`` column for a prompt."""
    return [{"role": role, "content": content} for role, content in prompt]


def reply(text: str) -> list[JsonValue]:
    """Return the value of a ``MESSAGES`` column for one assistant message."""
    return messages((("assistant", text),))


def flat_prompt(prompt: Prompt) -> str:
    """Return a prompt as one string: a single user turn as it is, else every turn behind its role."""
    if len(prompt) == 1:
        return prompt[0][1]
    return "\n\n".join([*(f"{role}: {content}" for role, content in prompt), "assistant:"])
