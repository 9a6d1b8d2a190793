"""Namesakes: other conversations that a log gives a known id. Such an id does not identify; their text does.

The new id is made of the first message, so that a conversation can grow in a later file; if another conversation
begins like that, it is made of the whole text. Texts are redacted by now, so nobody can test guesses of what a
placeholder stands for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS
from task_generators.chat_logs.readers import feedback
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


def renamed_in_place(table: pa.Table, positions: Sequence[int], new_id_of: Callable[[Row], str]) -> pa.Table:
    """Return all rows in their order, those at these positions as ``renamed`` returns them."""
    return with_rows(table, positions, renamed(table, positions, new_id_of)) if positions else table


def with_rows(table: pa.Table, positions: Sequence[int], others: pa.Table) -> pa.Table:
    """Return a table with other rows at these positions."""
    places = list(range(table.num_rows))
    for number, place in enumerate(positions):
        places[place] = table.num_rows + number
    return pa.concat_tables([table, others]).take(pa.array(places, pa.int64()))


def with_message_ids(row: Row, rename: Callable[[str], str]) -> Row:
    """Return a row with other ids of its messages, in its feedback, too."""
    messages = [
        {
            **message,
            "id": rename(message["id"]),
            "parent_id": None if message["parent_id"] is None else rename(message["parent_id"]),
        }
        for message in row["conversation"]
    ]
    kept = row["feedback"]
    if kept is not None:
        kept = feedback.to_json(tuple(judgment.renamed(rename) for judgment in feedback.from_json(kept)))
    return {**row, "conversation": messages, "feedback": kept}


def _identified(row: Row, messages: Sequence[Row]) -> str:
    said = [part for message in messages for part in (message["role"], message["content"])]
    return f"{row['conversation_id']}~{stable_id('namesake', *said)}"


def _renamed(row: Row, new_id: str) -> Row:
    old_id = row["conversation_id"]

    def rename(message_id: str) -> str:
        return (
            new_id + message_id[len(old_id) :] if message_id.startswith(old_id) else f"{new_id}#{message_id}"
        )

    return {**with_message_ids(row, rename), "conversation_id": new_id}
