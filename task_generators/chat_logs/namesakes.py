"""Namesakes: other conversations that a log gives a known id. Such an id does not identify; their text does.

The new id is made of the first message, so that a conversation can grow in a later file; if another conversation
begins like that, it is made of the whole text. Texts are redacted by now, so nobody can test guesses of what a
placeholder stands for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Row = dict[str, Any]


def by_first_message(row: Row) -> str:
    """Return a conversation's id with a hash of its first message."""
    return _identified(row, row["conversation"][:1])


def by_text(row: Row) -> str:
    """Return a conversation's id with a hash of all its messages."""
    return _identified(row, row["conversation"])


def renamed(table: pa.Table, positions: Sequence[int], new_id_of: Callable[[Row], str]) -> pa.Table:
    """Return the rows at these positions with new ids of conversations, of their messages, and in their feedback.

    Args:
        table: rows with the columns of ``ROWS``.
        positions: which.
        new_id_of: returns the new id of a conversation.
    """
    rows = [_renamed(row, new_id_of(row)) for row in table.take(pa.array(positions, pa.int64())).to_pylist()]
    return pa.Table.from_pylist(rows, schema=ROWS)


def _identified(row: Row, messages: Sequence[Row]) -> str:
    said = [part for message in messages for part in (message["role"], message["content"])]
    return f"{row['conversation_id']}~{stable_id('namesake', *said)}"


def _renamed(row: Row, new_id: str) -> Row:
    old_id = row["conversation_id"]

    def rename(message_id: str | None) -> str | None:
        if message_id is None:
            return None
        return (
            new_id + message_id[len(old_id) :] if message_id.startswith(old_id) else f"{new_id}#{message_id}"
        )

    messages = [
        {**message, "id": rename(message["id"]), "parent_id": rename(message["parent_id"])}
        for message in row["conversation"]
    ]
    feedback = row["feedback"]
    if feedback is not None:
        judgments = [
            {**judgment, "message_ids": [rename(message_id) for message_id in judgment["message_ids"]]}
            for judgment in json.loads(feedback)
        ]
        feedback = json.dumps(judgments)
    return {**row, "conversation_id": new_id, "conversation": messages, "feedback": feedback}
