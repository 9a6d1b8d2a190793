"""A table of prompts and responses: one conversation a row.

The configuration maps a file's own columns to these: ``prompt``, ``response``; and, each optional,
``conversation_id``, ``system``, ``model_name``, ``user_id``, ``timestamp``, ``language``, ``source``,
``licence``, ``thumb`` (up or down), ``score`` (a number).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import language, licence, number, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB, thumb_of
from task_generators.chat_logs.readers.turns import chain, identifier_or_none
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "csv"
COLUMNS = frozenset({"prompt", "response"})
PRECEDENCE = 10

_TURNS = (("system", "system"), ("prompt", "user"), ("response", "assistant"))


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row has no prompt and no response, or they are not text.
    """
    conversation_id = identifier_or_none(row, "conversation_id", prefix=f"{NAME}-")
    turns = [
        {"role": role, "content": row[column]} for column, role in _TURNS if row.get(column) not in (None, "")
    ]
    return reading_of([row], conversation_id, turns, rated=[len(turns) - 1])


def reading_of(
    rows: Sequence[RowValue],
    conversation_id: str,
    turns: Sequence[RowValue],
    rated: Sequence[int],
) -> Reading:
    """Return a conversation of rows in these columns; row *n* rates the message at ``rated[n]``.

    Raises:
        RowError: a turn is no text, or all are empty.
    """
    row = rows[0]
    model_name, giver = text(row.get("model_name")), text(row.get("user_id"))
    messages = chain(conversation_id, turns, model_name)
    feedback = []
    for each, position in zip(rows, rated, strict=True):
        values = {THUMB: thumb_of(each.get(THUMB)), "score": number(each.get("score"))}
        given = {name: value for name, value in values.items() if value is not None}
        if given and messages[position].role == "assistant":
            rater, at = text(each.get("user_id")), timestamp(each.get("timestamp"))
            feedback.append(Feedback.ratings(rater, messages[position].id, given, at))
    return Reading(
        Conversation(
            id=conversation_id,
            messages=messages,
            source=text(row.get("source")) or NAME,
            model_name=model_name,
            giver_id=giver,
            timestamp=timestamp(row.get("timestamp")),
            licence=licence(row, None),
            language=language(row.get("language")),
        ),
        tuple(feedback),
    )
