"""What an annotator sees of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.forms import TaskContent, Turn
from workspaces.kinds import kind_of
from workspaces.records import Quality, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.kinds import Kind
    from workspaces.records import Conversation, Message, SeedFeedback, Task

_SPEAKERS = {Role.USER: "Person", Role.ASSISTANT: "Model", Role.SYSTEM: "System", Role.TOOL: "Tool"}


def content_of(
    task: Task, conversations: Mapping[str, Conversation], seed: SeedFeedback | None = None
) -> TaskContent:
    """Return what a task shows; with ``seed`` also that machine's opinion, on the questions that seeds answer.

    Args:
        task: of any kind.
        conversations: by id, at least those of the task.
        seed: what the task is to show of it.

    Raises:
        KeyError: one of its conversations is not among ``conversations`` (it is no longer shared).
    """
    kind = kind_of(task.kind)
    paths = [
        conversations[conversation_id].path_to(message_id)
        for conversation_id, message_id in zip(task.conversation_ids, task.message_ids, strict=True)
    ]
    return TaskContent(
        task_id=task.id,
        chats={
            field.name: _turns(paths[0][:-1] if field.response is None else paths[field.response][-1:])
            for field in kind.fields
        },
        significance=task.significance,
        quote=task.quote,
        quote_texts={part.name: part.offer for part in kind.parts},
        language=conversations[task.conversation_ids[0]].language,
        opinion={} if seed is None else _opinion(kind, seed),
    )


def _opinion(kind: Kind, seed: SeedFeedback) -> dict[str, str]:
    return {
        question.title: question.options[seed.tags[Quality(question.name)].value] for question in kind.seeded
    }


def _turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """Return messages as an annotator sees them: no model name, no id."""
    return tuple(Turn(_SPEAKERS[message.role], message.content) for message in messages)
