"""Trees of messages: several answers to one prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.columns import UNREAD, Loss, has_value
from task_generators.chat_logs.readers.fields import clean
from task_generators.chat_logs.readers.reading import RowError
from workspaces.records import Role, tree_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.records import Message

NAMES = ("id", "parent_id")
"""The keys under which turns name themselves, and what they answer."""


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


def identified(messages: Sequence[Message], turns: Sequence[object]) -> Sequence[Mapping[str, Any]] | None:
    """Return the turns if each is one of the messages and names itself and what it answers, else None."""
    named = [
        turn
        for turn in turns
        if isinstance(turn, dict) and isinstance(turn.get("id"), str) and "parent_id" in turn
    ]
    return named if len(named) == len(turns) == len(messages) else None


def as_named(messages: Iterable[Message], turns: Iterable[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the messages with the ids and parents that their turns name.

    Raises:
        RowError: they are not one tree.
    """
    return in_order(
        replace(
            message,
            id=clean(turn["id"]),
            parent_id=clean(parent_id) if isinstance(parent_id := turn["parent_id"], str) else parent_id,
        )
        for message, turn in zip(messages, turns, strict=True)
    )


def tree_or_none(messages: Sequence[Message], turns: Sequence[object]) -> tuple[Message, ...] | None:
    """Return the tree that turns name in which two answers, or two prompts, stand beside each other, if they do.

    None: they are a chain, whatever they name. Results of tools that answer one message follow each other.
    """
    named = identified(messages, turns)
    if named is None:
        return None
    asked = [
        turn["parent_id"]
        for message, turn in zip(messages, named, strict=True)
        if message.role is not Role.TOOL
    ]
    try:
        tree = as_named(messages, named)
    except RowError:
        return None
    return tree if len({*map(str, asked)}) < len(asked) else None


def unread_names(turns: Iterable[object], column: str) -> tuple[Loss, ...]:
    """Return the ids and parents that turns of a chain name in vain, one of each at most."""
    found = {
        name: Loss(UNREAD, f"{column}[].{name}", turn[name])
        for turn in turns
        if isinstance(turn, dict)
        for name in NAMES
        if has_value(turn.get(name))
    }
    return tuple(found.values())
