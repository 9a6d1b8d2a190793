"""A table of messages: ``conversation_id``, ``role``, ``content``, and an optional ``turn`` that orders them.

Without ``turn`` the messages are in the order of the file. The other columns are those of ``csv_pairs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.csv_pairs import ABOUT, reading_of
from task_generators.chat_logs.readers.fields import number, text
from task_generators.chat_logs.readers.reading import RowError, RowValue
from task_generators.chat_logs.readers.turns import identifier, role_of
from task_generators.chat_logs.readers.uses import CONTENT, ORDER, ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from task_generators.chat_logs.readers.reading import Reading

NAME = "csv-messages"
COLUMNS = frozenset({"conversation_id", "role", "content"})
PRECEDENCE = 20
READS = {
    **ABOUT,
    "role": ROLE,
    "content": CONTENT,
    "turn": ORDER,
}


def group_key(row: RowValue) -> str:
    """Return the conversation of a message.

    Raises:
        RowError: it names no conversation.
    """
    return identifier(row, "conversation_id", prefix="csv-")


def read(row: RowValue) -> Reading:
    """Read a conversation of one message.

    Raises:
        RowError: the row is not a message.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the messages of one conversation, given in the order of the file.

    Raises:
        RowError: a message cannot be read: the conversation would have a gap.
    """
    ordered = sorted(rows, key=_turn)
    for index, row in enumerate(ordered):
        role_of(row.get("role"), index)
    return reading_of(ordered, group_key(rows[0]), [dict(row) for row in ordered], range(len(rows)))


def _turn(row: RowValue) -> float:
    if text(row.get("turn")) is None and not isinstance(row.get("turn"), float):
        return 0.0
    turn = number(row["turn"])
    if turn is None:
        raise RowError(f"turn is no number: {str(row['turn'])[:40]!r}")
    return float(turn)
