"""Conversations with a common beginning, as one tree."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.reading import RowError
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turns import checked
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.records import Message


@dataclass(slots=True)
class _Node:
    message: Message | None = None
    children: dict[Message, _Node] = field(default_factory=dict)


def branched(
    conversation_id: str, paths: Sequence[Sequence[Message]]
) -> tuple[tuple[Message, ...], list[str]]:
    """Return conversations as one tree, and the id of the last message of each.

    Ids are ``CONVERSATION#DEPTH`` on the trunk, with the number of the branch behind them after a fork. Branches are
    numbered by what they say, so that the tree does not tell which of them is the better one.

    Args:
        conversation_id: the id of the conversation; may be empty (``identify`` completes it).
        paths: the messages of each conversation from the first one down; their ids do not matter.

    Raises:
        RowError: the conversations do not begin with one message, or they are too long.
    """
    root = _Node()
    ends: list[_Node] = []
    for path in paths:
        node = root
        for message in path:
            bare = replace(message, id="", parent_id=None)
            node = node.children.setdefault(bare, _Node(bare))
        ends.append(node)
    if len(root.children) != 1 or any(end is root for end in ends):
        raise RowError("the responses do not answer one prompt")
    messages: list[Message] = []
    ids: dict[int, str] = {}
    waiting: list[tuple[_Node, str | None, int, str]] = [(root, None, 0, "")]
    while waiting:
        node, parent_id, depth, label = waiting.pop()
        children = sorted(node.children.values(), key=_order)
        for number, child in enumerate(children):
            branch = f"{label}.{number}" if len(children) > 1 else label
            if child.message is None:
                raise TypeError("a node below the root has a message")
            message_id = ids[id(child)] = f"{conversation_id}#{depth}{branch}"
            messages.append(replace(child.message, id=message_id, parent_id=parent_id))
            waiting.append((child, message_id, depth + 1, branch))
    return in_order(checked(messages)), [ids[id(end)] for end in ends]


def is_response(message: Message) -> bool:
    """Return whether a message can be judged: a model's, and more than calls of tools."""
    return message.role is Role.ASSISTANT and not message.only_calls


def _order(node: _Node) -> tuple[str, ...]:
    message = node.message
    if message is None:
        return ()
    return message.role.value, message.content, message.model_name or "", message.structure
