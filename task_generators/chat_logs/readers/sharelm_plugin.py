"""The posts of the ShareLM browser plugin: two lists of messages, which may differ in length, and thumbs."""

from __future__ import annotations

from itertools import chain as joined
from itertools import zip_longest

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.fields import language, licence, mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB_READS, ratings_of_nothing, thumbs
from task_generators.chat_logs.readers.turns import MAX_MESSAGES, chain, identifier
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    GIVER,
    ID,
    LICENCE,
    METADATA,
    MODEL,
    PERSON,
    TIME,
)
from workspaces.records import Conversation

NAME = "sharelm-plugin"
COLUMNS = frozenset({"user_msgs", "bot_msgs"})
PRECEDENCE = 120
READS = {
    "conversation_id": ID,
    "user_msgs[]": CONTENT,
    "bot_msgs[]": CONTENT,
    "page_url": Use("metadata: the host", lambda value: _host(value) is not None),
    "model_name": MODEL,
    "user_id": GIVER,
    "timestamp": TIME,
    "licence|license": LICENCE,
    "user_metadata": PERSON,
    "conversation_metadata": METADATA,
    **{f"conversation_metadata.{path}": use for path, use in THUMB_READS.items()},
}


def read(row: RowValue) -> Reading:
    """Read one row: person and model take turns, the person first; the rest of the longer list comes last.

    Of the page's address only the host is kept: the rest identifies the person's own chat.

    Raises:
        RowError: the row lacks an id or a list of messages, or a message is not text.
    """
    conversation_id = identifier(row, "conversation_id", prefix=f"{NAME}-")
    prompts, answers = (_messages(row, column) for column in ("user_msgs", "bot_msgs"))
    pairs = zip_longest(
        ({"role": "user", "content": prompt} for prompt in prompts),
        ({"role": "assistant", "content": answer} for answer in answers),
    )
    metadata = mapping(row.get("conversation_metadata"))
    if host := _host(row.get("page_url")):
        metadata["page_host"] = host
    model_name = text(row.get("model_name")) or text(metadata.get("model_name"))
    messages = chain(
        conversation_id, (turn for turn in joined.from_iterable(pairs) if turn is not None), model_name
    )
    giver, at = person(row.get("user_id")), timestamp(row.get("timestamp"))
    ratings = metadata.pop("message_ratings", None)
    rated = thumbs(messages, ratings, metadata.get("rate"), rater=giver, at=at)
    losses = ratings_of_nothing(messages, ratings, "conversation_metadata.message_ratings[]")
    return Reading(
        Conversation(
            id=conversation_id,
            messages=messages,
            source=NAME,
            model_name=model_name,
            giver_id=giver,
            timestamp=at,
            licence=licence(row, None),
            language=language(metadata.get("language")),
            user_metadata=mapping(row.get("user_metadata")),
            conversation_metadata=metadata,
        ),
        rated,
        losses=losses,
    )


def _messages(row: RowValue, column: str) -> list[str]:
    messages = row.get(column)
    if not isinstance(messages, list) or not all(isinstance(message, str) for message in messages):
        raise RowError(f"{column} is not a list of texts")
    if len(messages) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    return messages


def _host(address: object) -> str | None:
    if not isinstance(address, str):
        return None
    host = address.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0].split("@")[-1]
    return text(host)
