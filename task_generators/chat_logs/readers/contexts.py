"""The columns in which preference files and label files hold a prompt, and the responses to it.

A prompt is a text (``prompt``, ``question``, ``instruction`` with ``input``), a list of turns (``messages``,
``conversations``, ...), or the beginning of a response that is a whole conversation. Source: the dataset formats of
TRL, LLaMA-Factory, axolotl, OpenRLHF and NeMo, and UltraFeedback's and Orca's preference pairs on the hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use, has_value
from task_generators.chat_logs.readers.fields import (
    language,
    licence,
    mapping,
    null_or_value,
    person,
    text,
    timestamp,
)
from task_generators.chat_logs.readers.parts import from_json
from task_generators.chat_logs.readers.reading import RowError, RowValue
from task_generators.chat_logs.readers.transcripts import turns_in
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import (
    SPEAKER_KEYS,
    chain,
    identifier_or_none,
    messages_of,
    tools_of,
    turns_of,
    with_system,
)
from task_generators.chat_logs.readers.uses import (
    ANY_METADATA,
    CONTENT,
    GIVER,
    ID,
    LANGUAGE,
    LICENCE,
    METADATA,
    SOURCE,
    TIME,
    TOOLS,
)
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from workspaces.records import Message

TEXT_COLUMNS = ("prompt", "question", "query", "instruction", "input")
"""Columns with a prompt as text, in the order in which they count; ``input`` is what ``instruction`` is about."""
TURN_COLUMNS = ("prompt", "conversations", "messages", "conversation", "context")
"""Columns with the turns before a response, as lists."""
ABOUT = ("source", "dataset", "subset", "category", "domain", "split", "margin", "task_name")
"""Columns that say something of the row, kept as metadata."""
_IDS = ("conversation_id", "id", "prompt_id")

RESPONSE = Use("messages", sought=True)
"""A response: a text, a message or a list of messages, of which each value has to be found."""

CONTEXT_READS = {
    "conversation_id|id|prompt_id": ID,
    "system|system_prompt": CONTENT,
    **{path: use for column in TURN_COLUMNS for path, use in turn_reads(column).items()},
    **dict.fromkeys(TEXT_COLUMNS, CONTENT),
    "history": CONTENT,
    "history[][]": CONTENT,
    "tools": TOOLS,
    **dict.fromkeys(ABOUT, ANY_METADATA),
    "source": SOURCE,
    "user|user_id": GIVER,
    "timestamp|created": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "metadata": METADATA,
}


def response_reads(column: str) -> dict[str, Use]:
    """Return the declaration of a column that holds a response in any form.

    Args:
        column: its path.
    """
    reads = turn_reads(column)
    of_one = {
        path.replace("[]", "", 1): use for path, use in reads.items() if path.startswith(f"{column}[].")
    }
    return {**of_one, **reads, column: RESPONSE}


def answered(
    row: RowValue, responses: Sequence[tuple[str, object]], models: Sequence[str | None] = ()
) -> tuple[tuple[Message, ...], ...]:
    """Return the paths of a row: each is its prompt and a response, or a whole conversation.

    Args:
        row: the row, of which the prompt and the system prompt are read.
        responses: the name and the value of each response. With none, the turns of the row are the only path.
        models: the model of each response, if it is known.

    Raises:
        RowError: a response is missing, or a turn is malformed.
    """
    contexts = [turns_of(row, column) for column in TURN_COLUMNS if _is_list(row.get(column))]
    prompt = _prompt(row)
    before = max(contexts, key=len) if contexts else prompt
    said = [_turns(name, value) for name, value in responses] or [[]]
    if not before and not all(map(_is_whole, said)):
        raise RowError("a prompt is missing")
    paths = []
    named = [*models, *[None] * len(said)]
    for turns, model in zip(said, named, strict=False):
        whole = turns if _is_whole(turns) else [*_without(before, said), *turns]
        paths.append(chain("", with_system(row, whole, _system(row, whole)), model))
    return tuple(paths)


def conversation_of(
    row: RowValue,
    name: str,
    conversation_id: str,
    messages: tuple[Message, ...],
    model_name: str | None = None,
) -> Conversation:
    """Return the conversation of a row with the columns of ``CONTEXT_READS``."""
    about: dict[str, JsonValue] = {
        column: null_or_value(row[column])
        for column in ABOUT
        if column != "source" and has_value(row.get(column))
    }
    return Conversation(
        id=conversation_id,
        messages=messages,
        source=text(row.get("source")) or name,
        model_name=model_name,
        giver_id=person(row.get("user")) or person(row.get("user_id")),
        timestamp=timestamp(row.get("timestamp")) or timestamp(row.get("created")),
        licence=licence(row, None),
        language=language(row.get("language")),
        conversation_metadata={
            **mapping(row.get("metadata")),
            **about,
            **tools_of({"tools": row.get("tools")}),
        },
    )


def id_of(row: RowValue, name: str) -> str:
    """Return the row's own id, or an empty text."""
    return identifier_or_none(row, *_IDS, prefix=f"{name}-")


def has_turns(row: RowValue) -> bool:
    """Return whether a row has a list of turns before the response."""
    return any(_is_list(row.get(column)) for column in TURN_COLUMNS)


def has_prompt(row: RowValue) -> bool:
    """Return whether a row has a prompt in any form."""
    return has_turns(row) or any(has_value(row.get(column)) for column in TEXT_COLUMNS)


def _is_list(value: object) -> bool:
    """Return whether a value is a list of turns, one that is kept as JSON text, or an object of lists."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        first = from_json(value)[0]
        return isinstance(first, dict) and any(key in first for key in SPEAKER_KEYS)
    return isinstance(value, list | dict) and bool(value)


def _prompt(row: RowValue) -> list[object]:
    """Return the prompt that a row holds as texts, as turns."""
    turns: list[object] = []
    for exchange in from_json(row.get("history")):
        if not isinstance(exchange, list) or len(exchange) != 2:
            raise RowError("history is not a list of questions with answers")
        turns += [
            {"role": role, "content": said}
            for role, said in zip((Role.USER, Role.ASSISTANT), exchange, strict=True)
        ]
    texts = {
        column: value
        for column in TEXT_COLUMNS
        if has_value(value := row.get(column)) and not _is_list(value)
    }
    for column, value in texts.items():
        if not isinstance(value, str):
            raise RowError(f"{column} is not text")
    if not texts:
        return turns
    column, first = next(iter(texts.items()))
    if column == "instruction" and "input" in texts:
        return [*turns, {"role": Role.USER, "content": f"{first}\n{texts['input']}"}]
    return [*turns, *turns_in(str(first))]


def _turns(name: str, value: object) -> list[object]:
    """Return the turns of a response in any form.

    Raises:
        RowError: there is none.
    """
    if not has_value(value):
        raise RowError(f"{name} is missing")
    if isinstance(value, str) and not _is_list(value):
        return [{"role": Role.ASSISTANT, "content": value}]
    if isinstance(value, dict) and not all(isinstance(item, list) for item in value.values()):
        spoken = any(value.get(key) for key in SPEAKER_KEYS)
        return [value if spoken else {**value, "role": Role.ASSISTANT}]
    return turns_of({name: value}, name)


def _is_whole(turns: Sequence[object]) -> bool:
    """Return whether turns are a conversation, not only a response: somebody other than the model begins."""
    said = messages_of(turns[0], "", None) if turns else ()
    return bool(said) and said[0].role in (Role.USER, Role.SYSTEM)


def _without(before: list[object], responses: Sequence[list[object]]) -> list[object]:
    """Return the turns before a response, where they end with one of the responses without that."""
    for turns in responses:
        if turns and len(before) > len(turns) and before[-len(turns) :] == turns:
            return before[: -len(turns)]
    return before


def _system(row: RowValue, turns: Sequence[object]) -> str:
    """Return the column of the system prompt that is not among the turns."""
    column = "system" if has_value(row.get("system")) else "system_prompt"
    first = turns[0] if turns else None
    said = list(first.values()) if isinstance(first, dict) else []
    return "" if row.get(column) in said else column
