"""Short ways to write the records that tests of the lower packages are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workspaces.records import (
    Annotation,
    AnnotationStatus,
    Conversation,
    Message,
    Quality,
    Role,
    SeedFeedback,
    Significance,
    Tag,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALL_TAGS = {quality.value: Tag.YES.value for quality in Quality}


def minutes(count: int) -> datetime:
    """Return ``NOW`` and so many minutes."""
    return NOW + timedelta(minutes=count)


def chat(name: str, *texts: str, model: str = "model-x", source: str = "test logs") -> Conversation:
    """Return a linear conversation: a person and a model take turns."""
    messages = []
    for index, text in enumerate(texts):
        role = Role.ASSISTANT if index % 2 else Role.USER
        parent = f"{name}#{index - 1}" if index else None
        messages.append(Message(f"{name}#{index}", parent, role, text, model if index % 2 else None))
    return Conversation(name, tuple(messages), source=source, model_name=model)


def siblings(name: str, prompt: str, *answers: str) -> Conversation:
    """Return a tree: several answers to one prompt."""
    root = Message(f"{name}#0", None, Role.USER, prompt)
    replies = (
        Message(f"{name}#{number}", root.id, Role.ASSISTANT, text, f"model-{number}")
        for number, text in enumerate(answers, start=1)
    )
    return Conversation(name, (root, *replies), source="test logs")


def seeds_of(
    conversations: Iterable[Conversation], significance: Significance = Significance.MEDIUM
) -> dict[str, SeedFeedback]:
    """Return seed feedback for every response."""
    tags = dict.fromkeys(Quality, Tag.YES)
    return {
        message.id: SeedFeedback(message.id, "rater", "1", tags, significance, NOW)
        for conversation in conversations
        for message in conversation.responses()
    }


def task(
    task_id: str,
    quote: Mapping[str, int],
    *,
    kind: str = "qualitative",
    platform: str = "argilla",
) -> Task:
    """Return a task that shows one or two messages of the conversation 'c'."""
    shown = ("c#1", "c#3") if kind == "preference" else ("c#1",)
    return Task(
        id=task_id,
        kind=kind,
        message_ids=shown,
        conversation_ids=("c",) * len(shown),
        significance=Significance.MEDIUM,
        quote=quote,
        rules_version="1",
        platform=platform,
        overlap=3,
        created_at=NOW,
    )


def annotation(
    task_id: str,
    person_id: str,
    values: Mapping[str, str] | None = None,
    *,
    name: str | None = None,
    status: AnnotationStatus = AnnotationStatus.SUBMITTED,
    revision: int = 1,
    at: datetime = NOW,
) -> Annotation:
    """Return one person's answer; all six tags unless told otherwise."""
    return Annotation(
        id=name or f"{task_id}/{person_id}",
        task_id=task_id,
        person_id=person_id,
        platform="argilla",
        status=status,
        revision=revision,
        values=ALL_TAGS if values is None else values,
        updated_at=at,
    )
