"""Makes messages from a list of turns, the shape of most logs: who speaks, and what the turn holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.attachments import attachment_of
from task_generators.chat_logs.readers.fields import clean, text
from task_generators.chat_logs.readers.marks import without_marks
from task_generators.chat_logs.readers.parts import Content, Piece, from_json, is_step, json_text, kind_of
from task_generators.chat_logs.readers.reading import RowError, RowValue
from workspaces.records import Message, Role
from workspaces.tool_definitions import definition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

MAX_MESSAGES = 10_000
MAX_CHARACTERS = 5_000_000
MAX_ID_CHARACTERS = 512

ROLES = {
    name: role
    for role, names in {
        Role.SYSTEM: "system developer context system_message systemmessage",
        Role.USER: "user human prompter person customer humanmessage humanmessagechunk",
        Role.ASSISTANT: "assistant model ai bot chatbot gpt chatgpt bing bard claude gemini llm aimessage "
        "aimessagechunk function_call tool_call tool_calls reasoning thinking",
        Role.TOOL: "tool function observation tool_response tool_result tool_results tool_output function_response "
        "function_call_output function_output custom_tool_call_output ipython environment toolmessage "
        "functionmessage",
    }.items()
    for name in names.split()
}
"""Roles by the words that logs use for a speaker, in lower case with underscores."""

TEXT_KEYS = ("content", "value", "text", "parts", "mes", "message")
SPEAKER_KEYS = ("role", "from", "author", "sender", "speaker", "type")
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thoughts")
CALL_KEYS = ("tool_calls", "function_call", "toolInvocations")
CALL_ID_KEYS = ("tool_call_id", "tool_use_id", "toolCallId", "call_id")
TOOL_NAME_KEYS = ("tool_name", "toolName", "name")
ATTACHMENT_KEYS = (
    "attachments", "experimental_attachments", "files", "images", "image", "audio", "audios", "video", "videos",
)  # fmt: skip
"""The keys under which turns hold what a message keeps; of reasoning and names the first that has something counts."""

_HOLDING_KEYS = (*TEXT_KEYS, *REASONING_KEYS, *CALL_KEYS, *ATTACHMENT_KEYS, "refusal")

PLACEHOLDER = re.compile(
    r"\[(?:text|image|image_url|input_\w+|output_\w+|audio|video|video_url|file|document|media|part|attachment|"
    r"tool_use|tool_call|tool_result|thinking|object Object)\]"
)
"""What other tools write in place of a part that they could not show."""

_CALLS_ALONE = {"function_call", "tool_call", "tool_calls"}
"""Speakers whose text is a tool call. Source: LLaMA-Factory's ShareGPT format."""


def identifier(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return ``prefix`` and the first id that a row has in one of ``columns``.

    Raises:
        RowError: the row has no id, or the id is too long.
    """
    row_id = next((value for column in columns if (value := text(row.get(column)))), None)
    if row_id is None:
        raise RowError(f"{columns[0]} is missing")
    if len(row_id) > MAX_ID_CHARACTERS:
        raise RowError(f"{columns[0]} is longer than {MAX_ID_CHARACTERS} characters")
    return prefix + row_id


def identifier_or_none(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return the result of ``identifier``, or ``""`` for a row without id; ``identify`` adds one made of the text."""
    has_id = any(text(row.get(column)) for column in columns)
    return identifier(row, *columns, prefix=prefix) if has_id else ""


def turns_of(row: RowValue, column: str) -> list[object]:
    """Return the list of turns in a column, which may be JSON text.

    Raises:
        RowError: the column is no list, or the list is empty or too long.
    """
    turns = row.get(column)
    if isinstance(turns, str) and turns.lstrip().startswith("["):
        try:
            turns = json.loads(turns)
        except ValueError:
            raise RowError(f"{column} is not a list of turns") from None
    if isinstance(turns, dict):  # Hugging Face stores a sequence of objects as an object of lists
        turns = _zipped(turns)
    if not isinstance(turns, list) or not turns:
        raise RowError(f"{column} is not a list of turns")
    if len(turns) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    return turns


def _zipped(columns: dict[str, object]) -> list[dict[str, object]] | None:
    lists = [column for column in columns.values() if isinstance(column, list)]
    if not lists or len(lists) < len(columns) or len({len(column) for column in lists}) > 1:
        return None
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def with_system(row: RowValue, turns: list[object], column: str = "system") -> list[object]:
    """Return the turns after the system prompt that a row holds in a column of its own, if it holds one."""
    prompt = row.get(column)
    if not prompt or (isinstance(prompt, str) and not prompt.strip()):
        return turns
    return [{"role": Role.SYSTEM, "content": prompt}, *turns]


def tools_of(row: RowValue) -> dict[str, JsonValue]:
    """Return the definitions of the tools that a model could call, as metadata ``tools``; empty if a row has none.

    They stand in the column ``tools``, or in ``functions``, as OpenAI called them before, as a list or as JSON text.
    Anything else in the column is kept as it is, and no export has it; ``are_tools`` says so.
    """
    tools = from_json(row.get("tools"))
    functions = from_json(row.get("functions"))
    if all(isinstance(function, dict) for function in functions):
        tools = [*tools, *({"type": "function", "function": function} for function in functions)]
    else:
        tools = [*tools, *functions]
    kept: list[JsonValue] = json.loads(json_text(tools))
    return {"tools": kept} if kept else {}


def are_tools(value: object) -> bool:
    """Return whether a value is definitions of tools, or names of tools, and nothing else."""
    return all(definition_of(tool) is not None for tool in from_json(value))


def chain(conversation_id: str, turns: Iterable[object], model_name: str | None) -> tuple[Message, ...]:
    """Return the messages of turns in a row, each the child of the one before; their ids are ``CONVERSATION#NUMBER``.

    Args:
        conversation_id: the id of the conversation; may be empty (``identify`` completes it).
        turns: dictionaries, as ``messages_of`` reads them.
        model_name: the model of the answers, unless a turn names one of its own.

    Raises:
        RowError: a turn has no text or an unknown role, or all of them are empty or too long.
    """
    messages: list[Message] = []
    stepping = False
    for index, turn in enumerate(turns):
        message_id = f"{conversation_id}#{index}"
        parent_id = messages[-1].id if messages else None
        plain = None if stepping else _plain(turn, message_id, parent_id, model_name)
        if plain is not None:
            messages.append(plain)
            continue
        is_step = _is_step(turn)
        said = messages_of(turn, message_id, parent_id, model_name, index=index)
        if (is_step or stepping) and messages and said[:1] and continues(messages[-1], said[0]):
            messages[-1] = joined(messages[-1], said[0])
            said = said[1:]
        messages += said
        stepping = is_step
    return checked(messages)


def messages_of(
    turn: object, message_id: str, parent_id: str | None, model_name: str | None = None, *, index: int = 0
) -> tuple[Message, ...]:
    """Return the messages of one turn, in any of the usual writings.

    That is one message, unless results of tools are in the turn: each of these is a message of the tool, and what
    follows it is another message. The first one has the id ``message_id``, the others ``message_id.1`` and so on, each
    the child of the one before.

    Reasoning in ``<think>`` at the very beginning of a model's text, and calls in ``<tool_call>`` at its end, are
    taken out of the text: there models and their templates write nothing else. Elsewhere such marks are text.

    Args:
        turn: a dictionary. The speaker stands under one of ``SPEAKER_KEYS``, a text or a list of parts under one of
            ``TEXT_KEYS``, the rest under the other keys of this module.
        message_id: the id of the first message.
        parent_id: what the first message answers.
        model_name: the model of an answer, unless the turn names one.
        index: the number of the turn, for reasons.

    Raises:
        RowError: the turn has no text or an unknown role, or a part of it cannot be read.
    """
    plain = _plain(turn, message_id, parent_id, model_name)
    if plain is not None:
        return (plain,)
    if not isinstance(turn, dict):
        raise RowError(f"a turn has no text: turn {index}")
    turn = _unwrapped(turn)
    if not _is_step(turn) and not any(key in turn for key in _HOLDING_KEYS):
        raise RowError(f"a turn has no text: turn {index}")
    word = _speaker(turn)
    role = role_of(word, index)
    content = _content(turn, role, word, index)
    model = (_name(turn, "model_name", "model") or model_name) if role is Role.ASSISTANT else None
    messages: list[Message] = []
    for piece in content.pieces:
        of_tool = piece.is_result or role is Role.TOOL
        messages.append(
            Message(
                id=message_id if not messages else f"{message_id}.{len(messages)}",
                parent_id=messages[-1].id if messages else parent_id,
                role=Role.TOOL if of_tool else role,
                content="\n".join(text for text in piece.texts if text),
                model_name=None if of_tool else model,
                reasoning="\n".join(piece.reasoning).strip() or None,
                tool_calls=tuple(piece.calls),
                tool_call_id=piece.call_id,
                tool_name=piece.tool,
                attachments=tuple(piece.attachments),
            )
        )
    return tuple(map(without_marks, messages))


def _plain(turn: object, message_id: str, parent_id: str | None, model_name: str | None) -> Message | None:
    """Return the message of a turn that is a role and a text, as most are; None for any other turn."""
    if not isinstance(turn, dict) or len(turn) != 2:
        return None
    word, content = turn.get("role"), turn.get("content")
    if not (isinstance(word, str) and isinstance(content, str)):
        return None
    role = ROLES.get(word)
    if role is None or word in _CALLS_ALONE or content.startswith("[{") or "<t" in content:
        return None
    return Message(
        message_id, parent_id, role, clean(content), model_name if role is Role.ASSISTANT else None
    )


def _content(turn: Mapping[str, object], role: Role, word: str, index: int) -> Content:
    """Return all pieces of a turn, at least one."""
    content = Content(index)
    if _is_step(turn):
        content.add(turn)
        return content
    read = _texts(turn, role, index)
    for key in ATTACHMENT_KEYS:
        for attached in from_json(turn.get(key)):
            if isinstance(attached, str | dict) and attached:
                attachment, texts = attachment_of(attached, key)
                read.own.attachments.append(attachment)
                read.own.texts += texts
    reasoning = next(
        (turn[key] for key in REASONING_KEYS if isinstance(turn.get(key), str | list | dict)), None
    )
    if reasoning:
        first = read.pieces[0] if read.pieces and not read.pieces[0].is_result else read.own
        thought = Content(index)
        thought.add_reasoning(reasoning)
        first.reasoning[:0] = thought.own.reasoning
    if word in _CALLS_ALONE and not any(turn.get(key) for key in CALL_KEYS):
        _take_calls(read.own, index)
    for key in CALL_KEYS:
        read.add_calls(turn.get(key))
    if isinstance(refusal := turn.get("refusal"), str):
        read.own.texts.append(clean(refusal))
    if not read.pieces:
        read.pieces.append(Piece())
    if role is Role.TOOL:
        for piece in read.pieces:
            piece.call_id = piece.call_id or _name(turn, *CALL_ID_KEYS)
            piece.tool = piece.tool or _name(turn, *TOOL_NAME_KEYS)
    return read


def _texts(turn: Mapping[str, object], role: Role, index: int) -> Content:
    """Return what a turn says. Under several keys the same must stand, or else some of it would be lost.

    Raises:
        RowError: a turn has two texts.
    """
    read: list[Content] = []
    for key in TEXT_KEYS:
        value = turn.get(key)
        if value is None or (read and not isinstance(value, str | list)):
            continue
        content = Content(index)
        if role is Role.TOOL and not isinstance(value, str):
            content.add_result({}, value)
        else:
            content.add(value)
        read.append(content)
    if not read:
        return Content(index)
    fullest = max(read, key=lambda content: sum(map(len, content.leaves())))
    whole = "\n".join(fullest.leaves())
    if any(
        leaf.strip() not in whole for content in read if content is not fullest for leaf in content.leaves()
    ):
        raise RowError(f"a turn has two texts: turn {index}")
    return fullest


def _take_calls(piece: Piece, index: int) -> None:
    """Make calls of a text that is a call, or a list of calls, as JSON; any other text stays."""
    try:
        calls = json.loads("\n".join(piece.texts))
        called = Content(index)
        called.add_calls(calls)
    except (ValueError, RecursionError):  # a RowError is a ValueError
        return
    if called.own.calls:
        piece.texts, piece.calls = [], [*piece.calls, *called.own.calls]


def _unwrapped(turn: dict[str, object]) -> dict[str, object]:
    """Return the turn inside LangChain's envelopes: ``{type, data}``, and ``{lc, id, kwargs}`` of its serialiser."""
    data, arguments, path = turn.get("data"), turn.get("kwargs"), turn.get("id")
    if isinstance(data, dict) and "content" in data and "content" not in turn:
        return {**data, "role": turn.get("type")}
    if isinstance(arguments, dict) and isinstance(path, list) and path:
        return {**arguments, "role": path[-1]}
    return turn


def _speaker(turn: Mapping[str, object]) -> str:
    for key in SPEAKER_KEYS:
        value = turn.get(key)
        name = value.get("role") if isinstance(value, dict) else value
        if isinstance(name, str) and name.strip():
            return name
    return "None"


def _is_step(turn: object) -> bool:
    """Return whether a turn is an item of OpenAI's Responses format, which has a type instead of a role."""
    return isinstance(turn, dict) and not turn.get("role") and not turn.get("from") and is_step(kind_of(turn))


def continues(before: Message, message: Message) -> bool:
    """Return whether a message goes on with what a model began without a text: its reasoning or its calls."""
    return before.role is message.role is Role.ASSISTANT and not before.content.strip()


def joined(before: Message, message: Message) -> Message:
    """Return two messages of a model, of which the first has no text, as one."""
    return replace(
        message,
        id=before.id,
        parent_id=before.parent_id,
        reasoning="\n".join(filter(None, (before.reasoning, message.reasoning))) or None,
        tool_calls=(*before.tool_calls, *message.tool_calls),
        attachments=(*before.attachments, *message.attachments),
    )


def _name(turn: Mapping[str, object], *keys: str) -> str | None:
    return next((name for key in keys if (name := text(turn.get(key)))), None)


def role_of(name: object, index: int) -> Role:
    """Return the role of the speaker in turn ``index``.

    Raises:
        RowError: the name is unknown.
    """
    role = ROLES.get(str(name).strip().lower().replace("-", "_"))
    if role is None:
        raise RowError(f"a turn has an unknown role: {str(name)[:40]!r} in turn {index}")
    return role


def checked(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages after checking that they are neither all empty, all placeholders, nor too long.

    Raises:
        RowError: every turn is empty or a placeholder such as ``[text]``, or there are too many turns or characters.
    """
    if len(messages) > MAX_MESSAGES:
        raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
    beside = sum(_size_beside(message) for message in messages if message.reasoning or message.tool_calls)
    if beside + sum(len(message.content) for message in messages) > MAX_CHARACTERS:
        raise RowError(f"conversation is longer than {MAX_CHARACTERS} characters")
    if not any(message.content.strip() for message in messages):
        raise RowError("every turn is empty")
    if not any(PLACEHOLDER.sub("", message.content).strip() for message in messages):
        raise RowError("every turn is a placeholder: the texts are not in the file")
    return tuple(messages)


def _size_beside(message: Message) -> int:
    return len(message.reasoning or "") + sum(len(call.arguments) for call in message.tool_calls)
