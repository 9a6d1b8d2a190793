"""What a task could be made of, before it is drawn and priced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workspaces.forms import Turn
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.records import Conversation, Message, Significance, TaskKind

_SPEAKERS = {Role.USER: "Person", Role.ASSISTANT: "Model", Role.SYSTEM: "System", Role.TOOL: "Tool"}


@dataclass(frozen=True, slots=True)
class TaskCandidate:
    """A possible task. Its id depends on the responses alone, so the same one is never made twice."""

    id: str
    kind: TaskKind
    message_ids: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    significance: Significance


class Finder(Protocol):
    """Finds what tasks of one kind could be made of, one conversation after the other, so that no text is kept."""

    def look(self, conversation: Conversation) -> Iterable[TaskCandidate]:
        """Return the candidates that are known once this conversation was seen."""
        ...

    def rest(self) -> Iterable[TaskCandidate]:
        """Return those that are known once every conversation was seen."""
        ...


def turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """Return messages as an annotator sees them: no model name, no id."""
    return tuple(Turn(_SPEAKERS[message.role], message.content) for message in messages)
