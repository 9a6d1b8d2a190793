"""A table of prompts and responses: one conversation per row.

The configuration maps a file's own columns to these: ``prompt``, ``response``; and, each optional,
``conversation_id``, ``system``, ``model_name``, ``user_id``, ``timestamp``, ``language``, ``source``,
``licence``, ``thumb`` (up or down), ``score`` (a number).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import language, licence, number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB, thumb_of
from task_generators.chat_logs.readers.turns import chain, identifier_or_none
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    GIVER,
    ID,
    LANGUAGE,
    LICENCE,
    MODEL,
    SCORE,
    SOURCE,
    TIME,
)
from task_generators.chat_logs.readers.uses import THUMB as THUMB_USE
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "csv"
COLUMNS = frozenset({"prompt", "response"})
PRECEDENCE = 10
ABOUT = {
    "conversation_id": ID,
    "model_name": MODEL,
    "user_id": GIVER,
    "timestamp": TIME,
    "language": LANGUAGE,
    "source": SOURCE,
    "licence|license": LICENCE,
    "thumb": THUMB_USE,
    "score": SCORE,
}
READS = {**ABOUT, "prompt": CONTENT, "response": CONTENT, "system": CONTENT}

_TURNS = (("system", "system"), ("prompt", "user"), ("response", "assistant"))


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row has neither prompt nor response, or they are not text.
    """
    conversation_id = identifier_or_none(row, "conversation_id", prefix=f"{NAME}-")
    turns = [
        {"role": role, "content": row[column]} for column, role in _TURNS if row.get(column) not in (None, "")
    ]
    reading = reading_of([row], conversation_id, turns, rated=[len(turns) - 1])
    return replace(reading, feedback=tuple(judgment.of_row() for judgment in reading.feedback))


def reading_of(
    rows: Sequence[RowValue],
    conversation_id: str,
    turns: Sequence[RowValue],
    rated: Sequence[int],
) -> Reading:
    """Return the conversation of rows in these columns; row *n* rates the message at ``rated[n]``.

    Raises:
        RowError: a turn is not text, or all turns are empty.
    """
    row = rows[0]
    model_name, giver = text(row.get("model_name")), person(row.get("user_id"))
    messages = chain(conversation_id, turns, model_name)
    answers = {message.id for message in messages if message.role == "assistant"}
    feedback, losses = [], []
    for rating_row, position in zip(rows, rated, strict=True):
        values = {THUMB: thumb_of(rating_row.get(THUMB)), "score": number(rating_row.get("score"))}
        ratings = {name: value for name, value in values.items() if value is not None}
        message_id = f"{conversation_id}#{position}"
        if ratings and message_id in answers:
            rater, at = person(rating_row.get("user_id")), timestamp(rating_row.get("timestamp"))
            feedback.append(Feedback.ratings(rater, message_id, ratings, at))
        else:
            losses += [Loss(UNREAD, f"{name} (of no response)", value) for name, value in ratings.items()]
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
        losses=tuple(losses),
    )
