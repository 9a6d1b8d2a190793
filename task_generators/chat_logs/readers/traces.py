"""What readers of traces share: one call of a model with an input and an output of any writing, and ratings of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.exchanges import (
    REPORTS,
    SETTINGS,
    answers,
    asked,
    parsed,
    response_reads,
)
from task_generators.chat_logs.readers.fields import number, text
from task_generators.chat_logs.readers.reading import RowError
from task_generators.chat_logs.readers.thumbs import THUMB, thumb_of
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.uses import CONTENT, MODEL, ROLE
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from task_generators.chat_logs.readers.columns import Use

_THUMB_NAME = re.compile(
    r"(?i)(?:user|human|end_?user)?[ _.-]*(?:thumbs?(?:_?up)?|feedback|like[sd]?|score|vote|rating)"
)
_LABEL = re.compile(r"[\w +-]{1,24}")
_NAME = re.compile(r"[\w .:-]{1,60}")


def conversation_in(given: object, made: object) -> tuple[list[object], list[list[object]]]:
    """Return the turns of an input, and the answers of an output, each as its turns.

    An output that repeats the messages of the input, as the state of a graph does, is the whole chat.

    Raises:
        RowError: the input holds no messages and no text, or a value cannot be read.
    """
    given, made = parsed(given), parsed(made)
    if isinstance(given, str) and given.strip():
        turns: list[object] = [{"role": Role.USER, "content": given}]
    elif isinstance(given, list):
        turns = asked({"messages": given})
    elif isinstance(given, dict):
        turns = asked(given)
    else:
        raise RowError("the input holds no messages and no text")
    if isinstance(made, str):
        return turns, [[{"role": Role.ASSISTANT, "content": made}]] if made.strip() else []
    if isinstance(made, list):
        made = {"messages": made}
    if not isinstance(made, dict) or not made:
        return turns, []
    messages, generations = made.get("messages"), made.get("generations")
    if isinstance(generations, list) and generations:
        return turns, [[_generated(each)] for each in _flat(generations)]
    if isinstance(messages, list) and messages:
        later = asked({"messages": messages})
        size = len(turns)
        return turns, [later[size:] if later[:size] == turns and len(later) > size else later]
    return turns, answers(made)


def _flat(generations: list[object]) -> list[object]:
    if all(isinstance(each, list) for each in generations):
        if len(generations) > 1:
            raise RowError("generations holds the answers to several chats")
        return list(generations[0]) if isinstance(generations[0], list) else []
    return generations


def _generated(generation: object) -> object:
    if isinstance(generation, dict) and isinstance(generation.get("message"), dict):
        return generation["message"]
    if isinstance(generation, dict) and isinstance(generation.get("text"), str):
        return {"role": Role.ASSISTANT, "content": generation["text"]}
    raise RowError("a generation has no message")


def rating(name: object, value: object) -> Mapping[str, str]:
    """Return a rating by its name: a thumb for what people click, else a number or a word; empty if it is neither."""
    called = text(name)
    if called is None or not _NAME.fullmatch(called):
        return {}
    figure = number(value)
    if _THUMB_NAME.fullmatch(called) and (figure is None or figure in ("0", "1", "-1")):
        thumb = thumb_of(value)
        if thumb is not None:
            return {THUMB: thumb}
    if isinstance(value, bool):
        return {called: "yes" if value else "no"}
    if figure is not None and len(figure) < 25:
        return {called: figure}
    return (
        {called: value.strip()}
        if isinstance(value, str) and _LABEL.fullmatch(value.strip()) and value.strip()
        else {}
    )


def call_reads(given: str, made: str) -> dict[str, Use]:
    """Return the declaration of the columns of an input and an output: what no message holds of them is lost."""
    reads: dict[str, Use] = {given: TURN, made: TURN}
    for column in (given, made):
        for place in (f"{column}[]", f"{column}.messages[]", f"{column}.messages[][]"):
            reads |= _message_reads(place)
    reads |= {f"{given}.model": MODEL}
    reads |= {f"{made}.{key}": use for key, use in response_reads().items() if key != "model"}
    for place in (f"{made}.generations[]", f"{made}.generations[][]"):
        reads |= {place: TURN, **_message_reads(f"{place}.message")}
    return reads


def call_ignores(given: str, made: str) -> dict[str, str]:
    """Return what of an input and an output is not kept."""
    ignores = {f"{given}.{key}": why for key, why in SETTINGS.items() if key != "text"}
    ignores |= {f"{made}.{key}": why for key, why in REPORTS.items()}
    ignores |= {
        f"{made}.{key}": "what the service reports" for key in ("llm_output", "run", "type", "id", "created")
    }
    places = [
        f"{column}{items}" for column in (given, made) for items in ("[]", ".messages[]", ".messages[][]")
    ]
    for place in (f"{made}.generations[]", f"{made}.generations[][]"):
        ignores |= {f"{place}.generation_info": "what the service reports", f"{place}.type": "what it is"}
        places.append(f"{place}.message")
    for place in places:
        ignores |= {
            f"{place}.lc": "the version of a writing",
            f"{place}.id": "the class or the number of a message",
        }
        for inner in (place, f"{place}.kwargs", f"{place}.data"):
            ignores |= {
                f"{inner}.{key}": "what the service reports"
                for key in ("response_metadata", "usage_metadata", "example", "invalid_tool_calls")
            }
            ignores |= {f"{inner}.id": "the class or the number of a message"}
    return ignores


def _message_reads(place: str) -> dict[str, Use]:
    reads: dict[str, Use] = {place: TURN}
    for inner in (place, f"{place}.kwargs", f"{place}.data"):
        reads |= {inner: TURN, f"{inner}.role": ROLE, f"{inner}.type": ROLE, f"{inner}.content": CONTENT}
    return reads
