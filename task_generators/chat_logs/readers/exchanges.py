"""One call of a model as its tools log it: the request with the turns so far, and the answers, one or several.

The request and the response are in OpenAI's writings (chat completions, responses, completions), a list of messages,
one message, or a text. Several answers (``n`` of a request) are siblings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.fields import text
from task_generators.chat_logs.readers.reading import RowError
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turn_columns import TURN, turns
from task_generators.chat_logs.readers.turns import (
    CALL_KEYS,
    SPEAKER_KEYS,
    TEXT_KEYS,
    chain,
    checked,
    messages_of,
    turns_of,
    with_system,
)
from task_generators.chat_logs.readers.uses import CONTENT, MODEL, ROLE
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.records import Message

TURN_LISTS = ("messages", "input", "chat_history", "history")
"""Keys under which a request holds its turns."""

ONE_TEXT = ("input", "prompt", "question", "query", "text", "user_input", "human_input", "message")
"""Keys under which a request holds one text of the person."""

ANSWER_TEXT = ("output", "answer", "response", "text", "content", "result", "completion", "output_text")
"""Keys under which a response holds one text of the model."""

SETTINGS = dict.fromkeys(
    (
        "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stream",
        "stream_options", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs",
        "top_logprobs", "response_format", "tool_choice", "parallel_tool_calls", "store", "service_tier", "best_of",
        "reasoning_effort", "text", "truncation", "include", "echo", "suffix", "timeout", "modalities", "verbosity",
    ),
    "a setting of the request",
)  # fmt: skip
REPORTS = {
    **dict.fromkeys(
        (
            "object", "usage", "system_fingerprint", "service_tier", "status", "incomplete_details", "error",
            "prompt_filter_results", "output[].status", "output[].id",
        ),
        "what the service reports of its work",
    ),
    **{f"choices[].{key}": "why and how the model stopped" for key in ("finish_reason", "stop_reason", "logprobs")},
    "choices[].content_filter_results": "the labels of a filter: moderation is asked for anew",
}  # fmt: skip

_CHOICE_ORDER = Use("order of the answers", decides=True)


def request_reads(prefix: str = "") -> dict[str, Use]:
    """Return the declaration of a request whose keys stand behind ``prefix``."""
    return {
        f"{prefix}model": MODEL,
        **turns(f"{prefix}messages"),
        f"{prefix}input": TURN,
        **turns(f"{prefix}input"),
        f"{prefix}prompt": TURN,
        f"{prefix}instructions": CONTENT,
        f"{prefix}system": CONTENT,
    }


def response_reads(prefix: str = "") -> dict[str, Use]:
    """Return the declaration of a response whose keys stand behind ``prefix``."""
    speaker = "|".join(key for key in SPEAKER_KEYS if key not in ("author", "type"))
    return {
        f"{prefix}model": MODEL,
        f"{prefix}choices[]": TURN,
        f"{prefix}choices[].index": _CHOICE_ORDER,
        f"{prefix}choices[].message": TURN,
        f"{prefix}choices[].message.{speaker}": ROLE,
        **{f"{prefix}choices[].message.{key}": CONTENT for key in TEXT_KEYS},
        **turns(f"{prefix}output"),
    }


def ignored(names: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Return the reasons for keys that are not kept, behind ``prefix``."""
    return {f"{prefix}{name}": why for name, why in names.items()}


def asked(request: Mapping[str, object]) -> list[object]:
    """Return the turns of a request.

    Raises:
        RowError: it has no turns and no text, as a request for embeddings has none.
    """
    for key in TURN_LISTS:
        value = request.get(key)
        if isinstance(value, list) and value:
            found = turns_of(request, key)
            # LangChain logs one list of messages for each prompt of a batch
            if all(isinstance(turn, list) for turn in found):
                if len(found) > 1:
                    raise RowError(f"{key} holds several chats")
                found = list(turns_of({key: found[0]}, key))
            if all(isinstance(turn, dict) for turn in found):
                return _with_instructions(request, found)
    for key in ONE_TEXT:
        value = request.get(key)
        if isinstance(value, str) and value.strip():
            return _with_instructions(request, [{"role": Role.USER, "content": value}])
    raise RowError("the request holds no messages and no text")


def _with_instructions(request: Mapping[str, object], found: list[object]) -> list[object]:
    return with_system(request, with_system(request, found, "instructions"))


def answers(response: Mapping[str, object]) -> list[list[object]]:
    """Return the answers of a response, each as its turns; empty if the model gave none.

    Raises:
        RowError: the answers are not what the protocols have.
    """
    choices = response.get("choices")
    if isinstance(choices, list):
        return [[_choice(choice)] for choice in sorted(choices, key=_index)]
    output = response.get("output")
    if isinstance(output, list) and output:
        return [turns_of(response, "output")]
    if isinstance(output, dict) and output:
        return [[_as_answer(output)]]
    if any(key in response for key in ("role", *CALL_KEYS)):
        return [[_as_answer(response)]]
    for key in ANSWER_TEXT:
        value = response.get(key)
        if isinstance(value, str) and value.strip():
            return [[{"role": Role.ASSISTANT, "content": value}]]
    return []


def _index(choice: object) -> float:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int | float) and index == index else 0


def _choice(choice: object) -> object:
    message = choice.get("message") if isinstance(choice, dict) else None
    if isinstance(message, dict):
        return _as_answer(message)
    if isinstance(choice, dict) and isinstance(choice.get("text"), str):
        return {"role": Role.ASSISTANT, "content": choice["text"]}
    raise RowError("a choice has no message")


def _as_answer(message: Mapping[str, object]) -> Mapping[str, object]:
    return (
        message if any(text(message.get(key)) for key in SPEAKER_KEYS) else {"role": "assistant", **message}
    )


def tree(
    conversation_id: str,
    turns: Sequence[object],
    alternatives: Sequence[Sequence[object]],
    requested: str | None,
    answered: str | None,
) -> tuple[Message, ...]:
    """Return the messages of a request and its answers; several answers are siblings.

    Args:
        conversation_id: the id of the conversation; may be empty.
        turns: those of the request.
        alternatives: the answers, each as its turns.
        requested: the model that the request names.
        answered: the model that the response names.

    Raises:
        RowError: a turn is malformed, or all are empty.
    """
    if len(alternatives) == 1:  # a result of a tool may continue the last turn of the request
        before = chain(conversation_id, turns, requested)
        whole = chain(conversation_id, [*turns, *alternatives[0]], answered or requested)
        return (*before, *whole[len(before) :])
    messages = list(chain(conversation_id, turns, requested))
    last = messages[-1].id
    for number, alternative in enumerate(alternatives):
        parent = last
        for step, turn in enumerate(alternative):
            said = messages_of(
                turn,
                f"{last}.{number}" + (f".{step}" if step else ""),
                parent,
                answered or requested,
                index=number,
            )
            messages += said
            parent = said[-1].id
    return in_order(checked(messages))


def parsed(value: object) -> object:
    """Return a value, or what a text of JSON holds."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
