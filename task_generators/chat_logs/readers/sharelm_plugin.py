"""What the ShareLM browser plugin posts: two lists of messages, which may differ in length, and thumbs."""

from __future__ import annotations

from itertools import chain as joined
from itertools import zip_longest

from task_generators.chat_logs.readers.fields import language, licence, mapping, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.thumbs import thumbs
from task_generators.chat_logs.readers.turns import MAX_MESSAGES, chain, identifier
from workspaces.records import Conversation

NAME = "sharelm-plugin"
COLUMNS = frozenset({"user_msgs", "bot_msgs"})
PRECEDENCE = 120


def read(row: RowValue) -> Reading:
    """Read one row: what people and model wrote in turn, the person first; what one list has more goes last.

    Of the page's address the host is kept: the rest names the person's own chat.

    Raises:
        RowError: the row lacks an id, or a list of messages, or they are not text.
    """
    conversation_id = identifier(row, "conversation_id", prefix=f"{NAME}-")
    asked, answered = (_messages(row, column) for column in ("user_msgs", "bot_msgs"))
    pairs = zip_longest(
        ({"role": "user", "content": said} for said in asked),
        ({"role": "assistant", "content": said} for said in answered),
    )
    metadata = mapping(row.get("conversation_metadata"))
    if host := _host(row.get("page_url")):
        metadata["page_host"] = host
    model_name = text(row.get("model_name")) or text(metadata.get("model_name"))
    messages = chain(
        conversation_id, (turn for turn in joined.from_iterable(pairs) if turn is not None), model_name
    )
    giver, at = text(row.get("user_id")), timestamp(row.get("timestamp"))
    rated = thumbs(messages, metadata.pop("message_ratings", None), metadata.get("rate"), rater=giver, at=at)
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
    )


def _messages(row: RowValue, column: str) -> list[str]:
    said = row.get(column)
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise RowError(f"{column} is not a list of texts")
    if len(said) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    return said


def _host(address: object) -> str | None:
    if not isinstance(address, str):
        return None
    host = address.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0].split("@")[-1]
    return text(host)
