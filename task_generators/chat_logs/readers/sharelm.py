"""The ShareLM collection, as released: one conversation per row.

In the released files a missing value is ``""`` and booleans are strings. Our own collection files have the same
columns, with an id and a parent for every turn, so that a tree is read back as a tree. Source: ShareLM, section 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.columns import UNREAD, Loss, has_value
from task_generators.chat_logs.readers.fields import clean, mapping, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB_READS, ratings_of_nothing, thumbs
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import chain, identifier, turns_of
from task_generators.chat_logs.readers.uses import (
    GIVER,
    ID,
    LANGUAGE,
    LICENCE,
    MESSAGE_ID,
    METADATA,
    MODEL,
    PARENT,
    PERSON,
    SOURCE,
    TIME,
)
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.records import Message

NAME = "sharelm"
COLUMNS = frozenset({"conversation_id", "conversation", "model_name", "source"})
PRECEDENCE = 110
"""A row with these columns is ShareLM's."""
READS = {
    "conversation_id": ID,
    **turn_reads("conversation"),
    "conversation[].id": MESSAGE_ID,
    "conversation[].parent_id": PARENT,
    "model_name": MODEL,
    "source": SOURCE,
    "user_id": GIVER,
    "timestamp": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "user_metadata": PERSON,
    "conversation_metadata": METADATA,
    **{f"conversation_metadata.{path}": use for path, use in THUMB_READS.items()},
}


def read(row: RowValue) -> Reading:
    """Read one row. ``giver_id`` is the ``user_id`` of the file: ingest replaces it by a pseudonym.

    Raises:
        RowError: the row lacks an id or its turns, or a turn is malformed.
    """
    conversation_id = identifier(row, "conversation_id")
    turns = turns_of(row, "conversation")
    model_name = text(row.get("model_name"))
    messages = chain(conversation_id, turns, model_name)
    identified = [
        turn
        for turn in turns
        if isinstance(turn, dict) and isinstance(turn.get("id"), str) and "parent_id" in turn
    ]
    losses: tuple[Loss, ...] = ()
    if len(identified) == len(turns) == len(messages):
        messages = _tree(messages, identified)
    else:
        losses = tuple(
            Loss(UNREAD, f"conversation[].{name}", turn[name])
            for name in ("id", "parent_id")
            for turn in turns
            if isinstance(turn, dict) and has_value(turn.get(name))
        )[:1]
    metadata = mapping(row.get("conversation_metadata"))
    losses += ratings_of_nothing(
        messages, metadata.get("message_ratings"), "conversation_metadata.message_ratings[]"
    )
    giver, at = text(row.get("user_id")), timestamp(row.get("timestamp"))
    conversation = Conversation(
        id=conversation_id,
        messages=messages,
        source=text(row.get("source")) or NAME,
        model_name=model_name,
        giver_id=giver,
        timestamp=at,
        licence=text(row.get("licence")) or text(row.get("license")),
        language=text(metadata.get("language")) or text(row.get("language")),
        user_metadata=mapping(row.get("user_metadata")),
        conversation_metadata=metadata,
    )
    rated = thumbs(
        messages, metadata.get("message_ratings"), metadata.get("rate"), rater=giver or None, at=at
    )
    return Reading(conversation, rated, losses=losses)


def _tree(messages: tuple[Message, ...], turns: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the messages with the ids and parents that the turns name."""
    return in_order(
        replace(
            message,
            id=clean(turn["id"]),
            parent_id=clean(parent_id) if isinstance(parent_id := turn["parent_id"], str) else parent_id,
        )
        for message, turn in zip(messages, turns, strict=True)
    )
