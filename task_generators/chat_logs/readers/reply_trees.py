"""Makes one tree of the messages of a chat service's export, where every message names the one that it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import CUT, Loss
from task_generators.chat_logs.readers.reading import RowError
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turns import (
    MAX_ID_CHARACTERS,
    MAX_MESSAGES,
    checked,
    continues,
    joined,
    messages_of,
)
from workspaces.records import Message, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = "root"
"""The last part of the id of the message that stands before several first ones."""


@dataclass(frozen=True, slots=True)
class Node:
    """One place of an export's tree.

    ``turn`` is what stands there, as ``messages_of`` reads it; None where nothing is said, as at a root.
    """

    key: str
    parent: str | None
    turn: Mapping[str, object] | None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Branches:
    """A tree of messages; ``responses`` are the ids of assistants' messages by the keys of their nodes."""

    messages: tuple[Message, ...]
    responses: Mapping[str, str]
    losses: tuple[Loss, ...] = ()


def branches(conversation_id: str, nodes: Sequence[Node]) -> Branches:
    """Return the messages of nodes as one tree, each with the id ``CONVERSATION#KEY``.

    - What answers a place where nothing is said answers what that answers; what answers a message that is not in the
      export is a beginning. Several beginnings, as where a person rewrote the first prompt, follow an empty message of
      the system.
    - The reasoning and the calls of a model that are a node of their own become part of its only answer.
    - An end of a branch that holds nothing, such as an answer that was stopped at once, is cut and counted.

    Raises:
        RowError: a node cannot be read, two have the same key, or a node is its own descendant.
    """
    if len(nodes) > MAX_MESSAGES:
        raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
    by_key = {node.key: node for node in nodes}
    if len(by_key) < len(nodes):
        raise RowError("two messages have the same id")
    ordered = _from_the_root(by_key)
    children: dict[str, int] = {}
    for node in ordered:
        if node.parent is not None:
            children[node.parent] = children.get(node.parent, 0) + 1
    messages: dict[str, Message] = {}
    last: dict[str | None, str | None] = {None: None}
    responses: dict[str, str] = {}
    losses: list[Loss] = []
    for index, node in enumerate(ordered):
        above = last.get(node.parent)
        last[node.key] = above
        if node.turn is None:
            continue
        if len(node.key) > MAX_ID_CHARACTERS:
            raise RowError(f"the id of a message is longer than {MAX_ID_CHARACTERS} characters")
        said = messages_of(node.turn, f"{conversation_id}#{node.key}", above, node.model, index=index)
        if any(message.id in messages for message in said):
            raise RowError("two messages have the same id")
        if not any(map(_holds, said)) and not children.get(node.key):
            losses.append(Loss(CUT, "a message that holds nothing", None))
            continue
        if not any(map(_holds, said)) and said[0].role in (Role.SYSTEM, Role.TOOL):
            continue
        before = None if above is None else messages[above]
        if before is not None and children.get(node.parent or "") == 1 and continues(before, said[0]):
            messages[before.id] = joined(before, replace(said[0], parent_id=before.parent_id))
            said = (messages[before.id], *_under(before.id, said[1:]))
        for message in said:
            messages[message.id] = message
            if message.role is Role.ASSISTANT:
                responses[node.key] = message.id
        last[node.key] = said[-1].id
    beginnings = [message for message in messages.values() if message.parent_id is None]
    if len(beginnings) > 1:
        root = Message(f"{conversation_id}#{ROOT}", None, Role.SYSTEM, "")
        if root.id in messages:
            raise RowError(f"a message has the id {ROOT}")
        messages = {
            root.id: root,
            **{
                name: replace(message, parent_id=message.parent_id or root.id)
                for name, message in messages.items()
            },
        }
    if not messages:
        raise RowError("every turn is empty")
    return Branches(in_order(checked(list(messages.values()))), responses, tuple(losses))


def _from_the_root(by_key: Mapping[str, Node]) -> list[Node]:
    """Return the nodes, each after the one that it answers; of those whose parent is not there, the parent is None.

    Raises:
        RowError: a node is its own descendant.
    """
    below: dict[str | None, list[Node]] = {}
    for key in sorted(by_key):
        node = by_key[key]
        parent = node.parent if node.parent in by_key else None
        below.setdefault(parent, []).append(replace(node, parent=parent))
    ordered: list[Node] = []
    waiting = below.pop(None, [])[::-1]
    while waiting:
        node = waiting.pop()
        ordered.append(node)
        waiting.extend(below.pop(node.key, [])[::-1])
    if below:
        raise RowError("a message's parent is its own descendant")
    return ordered


def _holds(message: Message) -> bool:
    return bool(message.content.strip() or message.reasoning or message.tool_calls or message.attachments)


def _under(parent_id: str, messages: Sequence[Message]) -> list[Message]:
    """Return messages in a row, the first one as the child of another."""
    return [
        replace(message, parent_id=parent_id) if index == 0 else message
        for index, message in enumerate(messages)
    ]
