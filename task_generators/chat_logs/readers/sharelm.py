"""The ShareLM collection, as released: one conversation per row.

In the released files a missing value is ``""`` and booleans are strings. Our own collection files have the same
columns, with an id and a parent for every turn, so that a tree is read back as a tree. Source: ShareLM, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB_READS, ratings_of_nothing, thumbs
from task_generators.chat_logs.readers.trees import as_named, identified, unread_names
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
    from task_generators.chat_logs.readers.columns import Loss

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
    losses: tuple[Loss, ...] = ()
    if (named := identified(messages, turns)) is not None:
        messages = as_named(messages, named)
    else:
        losses = unread_names(turns, "conversation")[:1]
    metadata = mapping(row.get("conversation_metadata"))
    losses += ratings_of_nothing(
        messages, metadata.get("message_ratings"), "conversation_metadata.message_ratings[]"
    )
    giver, at = person(row.get("user_id")), timestamp(row.get("timestamp"))
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
