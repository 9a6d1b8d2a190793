"""The messages of OpenAI's chat-completions protocol, as in fine-tuning files and request logs.

Content is a string or a list of parts. A part that is not text (an image, a tool call) becomes a short text, so that
no turn is lost: ``[image_url]``, ``get_weather({"city": "Oslo"})``.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.fields import language, licence, mapping, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turn_columns import turns
from task_generators.chat_logs.readers.turns import chain, identifier_or_none, turns_of
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    GIVER,
    ID,
    LANGUAGE,
    LICENCE,
    METADATA,
    MODEL,
    SOURCE,
    TIME,
)
from workspaces.records import Conversation

NAME = "openai"
COLUMNS = frozenset({"messages"})
PRECEDENCE = 50
READS = {
    "conversation_id|id": ID,
    **turns("messages"),
    "messages[].content[]": CONTENT,
    "messages[].content[].text": CONTENT,
    "messages[].tool_calls[].function.name": CONTENT,
    "messages[].tool_calls[].function.arguments": CONTENT,
    "messages[].function_call.name": CONTENT,
    "messages[].function_call.arguments": CONTENT,
    "messages[].refusal": CONTENT,
    "model": MODEL,
    "source": SOURCE,
    "user|user_id": GIVER,
    "timestamp|created": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "metadata": METADATA,
}
IGNORES = {
    "messages[].content[].type": "the part says itself what it is",
    "messages[].tool_calls[].type": "all are functions",
}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row lacks its messages, or one is malformed.
    """
    conversation_id = identifier_or_none(row, "conversation_id", "id", prefix=f"{NAME}-")
    model_name = text(row.get("model"))
    turns = [_turn(turn, index) for index, turn in enumerate(turns_of(row, "messages"))]
    return Reading(
        Conversation(
            id=conversation_id,
            messages=chain(conversation_id, turns, model_name),
            source=text(row.get("source")) or NAME,
            model_name=model_name,
            giver_id=text(row.get("user")) or text(row.get("user_id")),
            timestamp=timestamp(row.get("timestamp")) or timestamp(row.get("created")),
            licence=licence(row, None),
            language=language(row.get("language")),
            conversation_metadata=mapping(row.get("metadata")),
        )
    )


def _turn(turn: object, index: int) -> object:
    """Return a turn whose content is one text."""
    if not isinstance(turn, dict):
        return turn
    content = turn.get("content")
    parts = [content] if isinstance(content, str) else _parts(content, index)
    called = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if isinstance(called, list):
        parts.extend(_call(call) for call in called)
    if content is None and not parts and not turn.get("refusal"):
        return {"role": turn.get("role")}
    if isinstance(turn.get("refusal"), str):
        parts.append(turn["refusal"])
    return {"role": turn.get("role"), "content": "\n".join(part for part in parts if part)}


def _parts(content: object, index: int) -> list[str]:
    if content is None:
        return []
    if not isinstance(content, list):
        raise RowError(f"a turn has no text: turn {index}")
    parts = []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append(part["text"])
        elif isinstance(part, str):
            parts.append(part)
        else:
            parts.append(f"[{text(part.get('type')) or 'part'}]" if isinstance(part, dict) else "[part]")
    return parts


def _call(call: object) -> str:
    function = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    return f"{text(function.get('name')) or 'tool'}({arguments if isinstance(arguments, str) else ''})"
