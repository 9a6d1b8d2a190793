"""OpenAssistant conversations, one tree per row: ``prompt`` with its ``replies``, and theirs."""

from __future__ import annotations

from dataclasses import replace

from task_generators.chat_logs.readers.columns import CUT, Again, Loss
from task_generators.chat_logs.readers.oasst import LICENCE, MESSAGE_IGNORES, MESSAGE_READS, read_group
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import MAX_MESSAGES
from task_generators.chat_logs.readers.uses import ID, NOTE
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME

__all__ = ["COLUMNS", "LICENCE", "NAME", "read"]

NAME = "oasst-tree"
COLUMNS = frozenset({"message_tree_id", "prompt"})
PRECEDENCE = 150
READS = {
    "message_tree_id": ID,
    "tree_state": NOTE,
    "licence|license": LICENCE_NAME,
    **{f"prompt.{path}": use for path, use in MESSAGE_READS.items()},
    "prompt.replies[]": Again("prompt"),
}
IGNORES = {
    **{f"prompt.{path}": why for path, why in MESSAGE_IGNORES.items()},
    **{f"prompt.{name}": "the tree says it" for name in ("parent_id", "message_tree_id", "tree_state")},
}


def read(row: RowValue) -> Reading:
    """Read one tree into the conversation that the flat rows of the same tree give.

    Raises:
        RowError: no message of the tree can be read.
    """
    tree = {name: row.get(name) for name in ("message_tree_id", "tree_state", "licence", "license")}
    waiting: list[tuple[object, object]] = [(row.get("prompt"), None)]
    messages: list[dict[str, object]] = []
    while waiting:
        node, parent_id = waiting.pop()
        if not isinstance(node, dict):
            raise RowError("a message is not an object")
        messages.append({**node, **tree, "parent_id": parent_id})
        if len(messages) > MAX_MESSAGES:
            raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
        replies = node.get("replies")
        if isinstance(replies, list):
            waiting.extend((reply, node.get("message_id")) for reply in replies)
    reading = read_group(messages)
    if not reading.omissions:
        return reading
    conversation = reading.conversation
    metadata = {**conversation.conversation_metadata, "messages_left_out": len(reading.omissions)}
    losses = tuple(Loss(CUT, f"a message of the tree: {reason}", None) for _, reason in reading.omissions)
    return Reading(replace(conversation, conversation_metadata=metadata), reading.feedback, losses=losses)
