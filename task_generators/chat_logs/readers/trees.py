"""Trees of messages: several answers to one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.reading import RowError
from workspaces.records import tree_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.records import Message


def in_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages of a tree, each after its parent and siblings by id, whatever the order of the rows.

    Raises:
        RowError: the messages are not one tree.
    """
    unordered = list(messages)
    ids = {message.id for message in unordered}
    if len(ids) < len(unordered):
        raise RowError("two messages have the same id")
    if not all(isinstance(message.parent_id, str | None) for message in unordered):
        raise RowError("a parent_id is not text")
    if sum(message.parent_id is None for message in unordered) != 1:
        raise RowError("the messages have no single root")
    ordered = tree_order(unordered)
    if len(ordered) < len(unordered):
        raise RowError("a message's parent is missing, or its own descendant")
    return ordered
