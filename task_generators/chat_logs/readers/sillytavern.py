"""A chat of SillyTavern: a file of lines, first the header, then a message a line; ``swipes`` are alternative answers.

The rows name no chat: those from one header up to the next one belong together, in the order of the file.
Source: the repository SillyTavern/SillyTavern (endpoints/chats.js, script.js) as it was in November 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.fields import text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.reply_trees import Node, branches
from task_generators.chat_logs.readers.turns import identifier_or_none
from task_generators.chat_logs.readers.uses import CONTENT, ID, MODEL, NOTE, TIME
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue


NAME = "sillytavern"
COLUMNS: frozenset[str] = frozenset()
PRECEDENCE = 351
_PERSON = "it may identify a person"
_SHOWN = "how the program shows it"
_ORDER = "when it was said: the order says enough"
_WHO = Use("role", lambda value: isinstance(value, bool), decides=True)
_REASONING = replace(CONTENT, goes_to="reasoning")
_SWIPE = replace(CONTENT, goes_to="alternative answers")
READS = {
    "chat_metadata.integrity": ID,
    "character_name": NOTE,
    "create_date": TIME,
    "is_user": _WHO,
    "is_system": _WHO,
    "mes": CONTENT,
    "swipes[]": _SWIPE,
    "swipe_id": Use("which answer went on", lambda value: isinstance(value, int), decides=True),
    "extra.model": MODEL,
    "extra.reasoning": _REASONING,
    "swipe_info[].extra.model": MODEL,
    "swipe_info[].extra.reasoning": _REASONING,
}
IGNORES = {
    "user_name": _PERSON,
    "name": _PERSON,
    "force_avatar": _PERSON,
    "original_avatar": _PERSON,
    "chat_metadata.*": "how the program was set up",
    "send_date": _ORDER,
    "gen_started": _ORDER,
    "gen_finished": _ORDER,
    "is_name": _SHOWN,
    "extra.api": "the model's name says it",
    "extra.gen_id": _SHOWN,
    "extra.isSmallSys": _SHOWN,
    "extra.type": _SHOWN,
    "extra.token_count": "what it cost",
    "extra.time_to_first_token": "what it cost",
    "extra.reasoning_duration": "what it cost",
    "extra.reasoning_type": _SHOWN,
    "extra.bias": _SHOWN,
    "swipe_info[].send_date": _ORDER,
    "swipe_info[].gen_started": _ORDER,
    "swipe_info[].gen_finished": _ORDER,
    "swipe_info[].extra.api": "the model's name says it",
    "swipe_info[].extra.gen_id": _SHOWN,
    "swipe_info[].extra.token_count": "what it cost",
    "swipe_info[].extra.time_to_first_token": "what it cost",
    "swipe_info[].extra.reasoning_duration": "what it cost",
    "swipe_info[].extra.reasoning_type": _SHOWN,
}


def matches(row: RowValue) -> bool:
    """Return whether a row is a header or a message."""
    return begins(row) or ("mes" in row and "is_user" in row)


def begins(row: RowValue) -> bool:
    """Return whether a row is the header of a chat."""
    return "mes" not in row and "user_name" in row and "character_name" in row


def read(row: RowValue) -> Reading:
    """Read a chat of one message.

    Raises:
        RowError: the row is no message.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the rows of one chat, in the order of the file.

    Raises:
        RowError: there is no message, or one cannot be read.
    """
    header: RowValue = rows[0] if begins(rows[0]) else {}
    nodes: list[Node] = []
    last: str | None = None
    for index, row in enumerate(rows):
        if row is header:
            continue
        alternatives, chosen = _alternatives(row, index)
        names = (
            [f"{index}.{number}" for number in range(len(alternatives))] if alternatives[1:] else [str(index)]
        )
        nodes += (
            Node(name, last, turn, model) for name, (turn, model) in zip(names, alternatives, strict=True)
        )
        last = names[chosen]
    if not nodes:
        raise RowError("the chat has no message")
    metadata = header.get("chat_metadata")
    chat_id = identifier_or_none(
        metadata if isinstance(metadata, dict) else {}, "integrity", prefix=f"{NAME}-"
    )
    tree = branches(chat_id, nodes)
    about: dict[str, JsonValue] = {}
    if character := text(header.get("character_name")):
        about["character"] = character
    return Reading(
        Conversation(
            id=chat_id,
            messages=tree.messages,
            source=NAME,
            timestamp=timestamp(header.get("create_date")),
            conversation_metadata=about,
        ),
        losses=tree.losses,
    )


def _alternatives(row: RowValue, index: int) -> tuple[list[tuple[dict[str, object], str | None]], int]:
    """Return the answers of a row, each with its model, and the position of the one that the chat went on from.

    Raises:
        RowError: the row is no message.
    """
    words, by_user = row.get("mes"), row.get("is_user")
    if not isinstance(words, str):
        raise RowError(f"a turn has no text: turn {index}")
    if not isinstance(by_user, bool):
        raise RowError(f"a message does not say who wrote it: turn {index}")
    role = "user" if by_user else "system" if row.get("is_system") is True else "assistant"
    given = row.get("swipes")
    swipes = given if isinstance(given, list) and given else [words]
    if not all(isinstance(swipe, str) for swipe in swipes):
        raise RowError(f"a swipe is not a text: turn {index}")
    chosen = row.get("swipe_id")
    if isinstance(chosen, bool) or not isinstance(chosen, int) or not 0 <= chosen < len(swipes):
        chosen = swipes.index(words) if words in swipes else len(swipes)
    if chosen == len(swipes) or (swipes[chosen] != words and words not in swipes):
        swipes, chosen = [*swipes, words], len(swipes)  # edited after it was chosen
    elif swipes[chosen] != words:
        chosen = swipes.index(words)
    infos = row.get("swipe_info")
    given_infos = infos if isinstance(infos, list) else []
    found: list[tuple[dict[str, object], str | None]] = []
    for number, swipe in enumerate(swipes):
        extra = _extra(row) if number == chosen else {}
        if number < len(given_infos):
            extra = {**_extra(given_infos[number]), **extra}
        turn: dict[str, object] = {"role": role, "content": swipe}
        if reasoning := extra.get("reasoning"):
            turn["reasoning"] = reasoning
        found.append((turn, text(extra.get("model"))))
    return found, chosen


def _extra(of: object) -> Mapping[str, object]:
    extra = of.get("extra") if isinstance(of, dict) else None
    return extra if isinstance(extra, dict) else {}
