"""The context of a response: the messages before it, its source, licence and model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from exports.omissions import OmissionReason
from workspaces.records import Role
from workspaces.tool_definitions import definition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import JsonValue

    from workspaces.records import Conversation, Message, Task

Prompt: TypeAlias = tuple[tuple[str, ...], ...]
"""The messages before a response as (role, content), the first one first.

A message that holds more has a third text: its further keys as JSON (``tool_calls``, ``tool_call_id``, ``name``), and
in the first message the ``tools`` that the model could call, where the log names them.
"""

TOOLS, TOOL_CALLS = "tools", "tool_calls"
"""Further keys of a message: the tools that a model could call, in the first one, and the calls in any."""

DEPTH = 50
"""Levels of nesting that are kept free around a value, for the rows and messages that hold it."""

WHOLE = range(-(2**63), 2**64)
"""The whole numbers that the reader of JSON columns of ``datasets`` (ujson) takes; it fails at any other."""

UNKNOWN = "unknown"
"""The name of a licence or a model that the source does not name."""


@dataclass(frozen=True, slots=True)
class Context:
    """The context of one message, as exports use it.

    ``path`` holds the messages from the root down to the message itself; ``prompt`` those before it, and ``text`` the
    content of the message, as they are written to a file. ``licence`` is ``None`` where the source names none.
    """

    message: Message
    path: tuple[Message, ...]
    prompt: Prompt
    text: str
    conversation_id: str
    source: str
    licence: str | None = None
    model_name: str | None = None

    @property
    def licences(self) -> tuple[str, ...]:
        """The licences of the text and of what it answers: that of the log, and that of a generated response."""
        generated = self.message.generated
        return (self.licence or UNKNOWN, *(() if generated is None else (generated.licence,)))

    @property
    def is_rewrite(self) -> bool:
        """Whether an annotator wrote it as a better version of a response."""
        return self.message.rewrite_of is not None

    @property
    def unusable(self) -> OmissionReason | None:
        """Why no trainer can use the message as a response; None if one can."""
        return _unusable(self)


def contexts_of(conversations: Iterable[Conversation]) -> dict[str, Context]:
    """Return the context of every response, by message id.

    Args:
        conversations: those that may be exported. A response of any other conversation has no context, and
            answers about it are omitted as no longer shared.
    """
    contexts = {}
    for conversation in conversations:
        tools = definitions(conversation.conversation_metadata.get("tools"))
        paths: dict[str | None, tuple[tuple[Message, ...], Prompt]] = {None: ((), ())}
        answered = {message.parent_id for message in conversation.messages}
        for message in conversation.messages:
            before, prompt = paths[message.parent_id]
            path = (*before, message)
            if message.id in answered:
                paths[message.id] = path, (*prompt, _turn(message, None if before else tools))
            if message.role is Role.ASSISTANT:
                contexts[message.id] = Context(
                    message=message,
                    path=path,
                    prompt=prompt,
                    text=clean(message.content),
                    conversation_id=conversation.id,
                    source=conversation.source,
                    licence=conversation.licence,
                    model_name=None if message.rewrite_of else message.model_name or conversation.model_name,
                )
    return contexts


def definitions(tools: JsonValue) -> JsonValue:
    """Return definitions of tools as they stand in the log, names of tools as functions; None where there are none.

    What is neither is left out, and counted by ``ingest`` as not understood.
    """
    found: list[JsonValue] = (
        [tool for each in tools if (tool := definition_of(each))] if isinstance(tools, list) else []
    )
    if not found:
        return None
    text = _json_text(found)
    return None if text is None else json.loads(text, parse_int=_near)


def held_whole(text: str) -> int:
    """Return a whole number.

    Raises:
        ValueError: it is not in ``WHOLE``.
    """
    if (number := int(text)) not in WHOLE:
        raise ValueError(text)
    return number


def _near(text: str) -> float:
    """Return a whole number of a definition, such as a bound, or the nearest number that can be read."""
    return int(text) if len(text) < 18 or int(text) in WHOLE else max(-1e300, min(1e300, float(text)))


def text_of(message: Message) -> str:
    """Return the text of a turn, cleaned, which names the attachments that no export can hold."""
    attached = [
        f"[{attachment.kind}: {attachment.name}]" if attachment.name else f"[{attachment.kind}]"
        for attachment in message.attachments
    ]
    return clean("\n".join([message.content, *attached] if message.content else attached))


def _turn(message: Message, tools: JsonValue) -> tuple[str, ...]:
    """Return a message before a response."""
    if not (message.attachments or message.tool_calls or message.tool_call_id or message.tool_name or tools):
        return message.role.value, clean(message.content)
    content = text_of(message)
    keys: dict[str, JsonValue] = {}
    if message.tool_calls:
        keys[TOOL_CALLS] = [
            {
                **({} if call.id is None else {"id": call.id}),
                "type": "function",
                "function": {"name": call.name, "arguments": _as_json(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        keys["tool_call_id"] = message.tool_call_id
    if message.tool_name:
        keys["name"] = message.tool_name
    if tools:
        keys[TOOLS] = tools
    further = (clean(json.dumps(keys, sort_keys=True, ensure_ascii=False)),) if keys else ()
    return (message.role.value, content, *further)


def held(further: Sequence[str]) -> dict[str, JsonValue]:
    """Return the further keys of a message of a prompt, from what stands after its role and content."""
    return {name: value for text in further for name, value in json.loads(text).items()}


def keys_held(prompt: Prompt) -> frozenset[str]:
    """Return the further keys of all messages of a prompt; a consumer without a place for them would lose them."""
    return frozenset(key for _, _, *further in prompt for key in held(further))


def _as_json(arguments: str) -> str:
    """Return arguments as JSON text: what is no JSON becomes a text in JSON."""
    try:
        text = _json_text(json.loads(arguments))
    except (ValueError, RecursionError):
        text = None
    return json.dumps(clean(arguments), ensure_ascii=False) if text is None else text


def _json_text(value: JsonValue) -> str | None:
    """Return a value as JSON text that can be encoded, or None if it is no JSON (NaN) or nested too deeply."""
    try:
        json.dumps(value, allow_nan=False)
        inside: JsonValue = value
        for _ in range(DEPTH):
            inside = [inside]
        json.loads(json.dumps(inside))
    except (ValueError, RecursionError):
        return None
    return clean(json.dumps(value, ensure_ascii=False))


def _unusable(context: Context) -> OmissionReason | None:
    if context.message.role is not Role.ASSISTANT:
        return OmissionReason.NOT_A_RESPONSE
    if context.message.tool_calls:
        return OmissionReason.CALLS_TOOLS
    if context.message.attachments:
        return OmissionReason.HAS_ATTACHMENT
    if _lacks_a_call(context.path):
        return OmissionReason.LACKS_CALL
    prompt = context.prompt
    # a chat template continues a last assistant turn instead of answering it; TRL refuses a last system turn
    if not prompt or prompt[-1][0] not in (Role.USER, Role.TOOL):
        return OmissionReason.NO_PROMPT
    if prompt[-1][0] == Role.USER and not prompt[-1][1].strip():  # a tool may return nothing
        return OmissionReason.EMPTY_PROMPT
    return None if context.text.strip() else OmissionReason.EMPTY_SIDE


def _lacks_a_call(path: Sequence[Message]) -> bool:
    """Return whether a tool's result follows an empty turn of the model: the log lost the call that it answers."""
    silent = False
    for message in path:
        if message.role is not Role.TOOL:
            silent = message.role is Role.ASSISTANT and not (message.tool_calls or message.content.strip())
        elif silent:
            return True
    return False


def models_of(contexts: Iterable[Context]) -> tuple[str, ...]:
    """Return the distinct names of the models that wrote these responses, sorted."""
    return distinct(context.message.model_name or context.model_name or UNKNOWN for context in contexts)


class Whence(TypedDict):
    """Where an item of an export comes from: fields that every item has."""

    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]


def whence(contexts: Iterable[Context], tasks: Iterable[Task]) -> Whence:
    """Return where an item about these responses comes from, which people judged in these tasks."""
    contexts = list(contexts)
    return {
        "conversation_ids": distinct(context.conversation_id for context in contexts),
        "licences": distinct(name for context in contexts for name in context.licences),
        "sources": distinct(context.source for context in contexts),
        "rules_versions": distinct(task.rules_version for task in tasks),
    }


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct values, cleaned and sorted."""
    found = set(values)
    if len(found) == 1:
        return (clean(found.pop()),)
    return tuple(sorted(found if all(map(str.isascii, found)) else {clean(value) for value in found}))


def clean(text: str) -> str:
    """Return ``text`` in a form that UTF-8 can encode: surrogate pairs are joined, lone surrogates become U+FFFD.

    Texts are cleaned before they are compared, so that two different texts never become equal in a file.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def squeeze(text: str) -> str:
    """Return ``text`` with each run of white space replaced by a blank, and none at the ends."""
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def canonical(prompt: Prompt) -> str:
    """Return the JSON text of a prompt, from which ids are computed."""
    return json.dumps(prompt, ensure_ascii=False, separators=(",", ":"))
