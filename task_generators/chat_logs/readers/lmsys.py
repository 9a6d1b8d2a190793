"""LMSYS-Chat-1M: one conversation with one of 25 models per row, with OpenAI's moderation of every turn.

Source: Zheng et al. (2023), arXiv 2309.11998, and the dataset's card.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.fields import language, licence, text, timestamp
from task_generators.chat_logs.readers.moderation import OPENAI_IGNORES, OPENAI_READS, moderation
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import chain, identifier, turns_of
from task_generators.chat_logs.readers.uses import FLAG, ID, LANGUAGE, MODEL, TIME
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME
from workspaces.records import Conversation

NAME = "lmsys"
COLUMNS = frozenset({"conversation_id", "model", "conversation"})
PRECEDENCE = 90
LICENCE = "LMSYS-Chat-1M Dataset License Agreement"
READS = {
    "conversation_id": ID,
    "model": MODEL,
    **turn_reads("conversation"),
    "language": LANGUAGE,
    "tstamp|timestamp": TIME,
    "licence|license": LICENCE_NAME,
    "redacted": FLAG,
    **OPENAI_READS,
}
IGNORES = {"turn": "the turns are counted anew", **OPENAI_IGNORES}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row lacks an id or its turns, or a turn is malformed.
    """
    conversation_id = identifier(row, "conversation_id", prefix=f"{NAME}-")
    model_name = text(row.get("model"))
    metadata = moderation(row.get("openai_moderation"))
    if isinstance(redacted := row.get("redacted"), bool):
        metadata["redacted"] = redacted
    return Reading(
        Conversation(
            id=conversation_id,
            messages=chain(conversation_id, turns_of(row, "conversation"), model_name),
            source=NAME,
            model_name=model_name,
            timestamp=timestamp(row.get("tstamp")) or timestamp(row.get("timestamp")),
            licence=licence(row, LICENCE),
            language=language(row.get("language")),
            conversation_metadata=metadata,
        )
    )
