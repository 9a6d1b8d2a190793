"""What a task could be made of, before it is drawn and priced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.forms import Turn
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.records import Message, Significance, TaskKind

_SPEAKERS = {Role.USER: "Person", Role.ASSISTANT: "Model", Role.SYSTEM: "System", Role.TOOL: "Tool"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible task. Its id depends on the responses alone, so the same one is never made twice."""

    id: str
    kind: TaskKind
    message_ids: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    significance: Significance


def turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """Return messages as an annotator sees them: no model name, no id."""
    return tuple(Turn(_SPEAKERS[message.role], message.content) for message in messages)
