"""WildChat: conversations with ChatGPT, with country, moderation and a salted hash of the person's IP address.

The hash only distinguishes givers (it becomes a pseudonym); neither the hash nor the browser's headers are kept.
Source: Zhao et al. (2024), arXiv 2405.01470, and the dataset's card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import language, licence, person, text, timestamp
from task_generators.chat_logs.readers.moderation import (
    DETOXIFY_READS,
    OPENAI_IGNORES,
    OPENAI_READS,
    moderation,
)
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import chain, identifier, turns_of
from task_generators.chat_logs.readers.uses import FLAG, GIVER, ID, LANGUAGE, MODEL, PLACE, TIME
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME
from workspaces.records import Conversation

if TYPE_CHECKING:
    from pydantic import JsonValue

NAME = "wildchat"
COLUMNS = frozenset({"conversation", "model"})
PRECEDENCE = 100
LICENCE = "ODC-BY-1.0"
READS = {
    "conversation_hash|conversation_id": ID,
    "model": MODEL,
    **turn_reads("conversation"),
    "timestamp": TIME,
    "hashed_ip": GIVER,
    "language": LANGUAGE,
    "licence|license": LICENCE_NAME,
    "toxic": FLAG,
    "redacted": FLAG,
    "state": PLACE,
    "country": PLACE,
    **OPENAI_READS,
    **DETOXIFY_READS,
}
_OF_TURNS = ("country", "state", "hashed_ip", "timestamp", "language", "redacted", "toxic")
IGNORES = {
    "turn": "the turns are counted anew",
    "header": "identifies a person's browser",
    "conversation[].header": "identifies a person's browser",
    "conversation[].turn_identifier": "a number of the source's own",
    "conversation[].openai_id": "a number of the service's own",
    "conversation[].system_fingerprint": "a number of the service's own",
    "conversation[].created": "when it was said: the order says enough",
    "conversation[].temperature": "a setting of the request",
    "conversation[].top_p": "a setting of the request",
    "conversation[].token_counter": "what the answer cost",
    "conversation[].usage": "what the answer cost",
    **{f"conversation[].{name}": "that of the conversation is kept" for name in _OF_TURNS},
    **OPENAI_IGNORES,
}

_MARKS = {"conversation_hash", "toxic", "detoxify_moderation", "hashed_ip"}


def matches(row: RowValue) -> bool:
    """Return whether a row with these columns is WildChat's: it has another column that only WildChat has."""
    return not _MARKS.isdisjoint(row)


def read(row: RowValue) -> Reading:
    """Read one row. A turn whose content is ``null`` is empty.

    Raises:
        RowError: the row lacks an id or its turns, or a turn is malformed.
    """
    conversation_id = identifier(row, "conversation_hash", "conversation_id", prefix=f"{NAME}-")
    model_name = text(row.get("model"))
    turns = turns_of(row, "conversation")
    first = turns[0] if isinstance(turns[0], dict) else {}
    metadata = moderation(row.get("openai_moderation"), row.get("detoxify_moderation"))
    metadata.update(
        {name: value for name in ("toxic", "redacted") if isinstance(value := row.get(name), bool)}
    )
    return Reading(
        Conversation(
            id=conversation_id,
            messages=chain(conversation_id, turns, model_name),
            source=NAME,
            model_name=model_name,
            giver_id=person(row.get("hashed_ip")) or person(first.get("hashed_ip")),
            timestamp=timestamp(row.get("timestamp")) or timestamp(first.get("timestamp")),
            licence=licence(row, LICENCE),
            language=language(row.get("language")),
            user_metadata=_location(row) or _location(first),
            conversation_metadata=metadata,
        )
    )


def _location(row: RowValue) -> dict[str, JsonValue]:
    parts = [part for name in ("state", "country") if (part := text(row.get(name)))]
    return {"location": ", ".join(parts)} if parts else {}
