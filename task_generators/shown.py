"""How a message is shown to people and to models that judge: its text, and readable lines of what it holds beside."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from workspaces.forms import Turn
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.records import Attachment, Message, ToolCall

READABLE_LINE = 100
"""Characters of a call that stands on one line."""

_SPEAKERS = {Role.USER: "Person", Role.ASSISTANT: "Model", Role.SYSTEM: "System", Role.TOOL: "Tool"}


def turns_of(message: Message) -> Iterator[Turn]:
    """Yield a message as an annotator sees it: without model name and ids.

    Reasoning, calls and attachments are turns of their own, whose speaker says what they are. A message that holds
    nothing is one empty turn.
    """
    for place, turn in enumerate(_parts(message)):
        yield replace(turn, continued=True) if place else turn


def _parts(message: Message) -> Iterator[Turn]:
    speaker = _SPEAKERS[message.role]
    if message.reasoning:
        yield Turn(f"{speaker}, thinking", message.reasoning, message.role, aside=True)
    if message.content.strip() or not (message.tool_calls or message.attachments):
        text = message.content if message.tool_name is None else _answered(message)
        yield Turn(
            speaker, text, message.role, message.role in (Role.TOOL, Role.SYSTEM), message.role is Role.TOOL
        )
    for attachment in message.attachments:
        yield Turn(f"{speaker}, attaching", attached(attachment), message.role, aside=True, verbatim=True)
    for call in message.tool_calls:
        yield Turn(f"{speaker}, calling", _called(call), message.role, aside=True, verbatim=True)


def text_of(message: Message) -> str:
    """Return the text of a message, then a line for each attachment and each call; reasoning is left out."""
    lines = [message.content] if message.content else []
    lines += (attached(attachment) for attachment in message.attachments)
    lines += (f"{call.name}({call.arguments})" for call in message.tool_calls)
    return "\n".join(lines)


def attached(attachment: Attachment) -> str:
    """Return an attachment in one line."""
    media_type = f" ({attachment.media_type})" if attachment.media_type else ""
    return (
        f"{attachment.kind}: {attachment.name}{media_type}"
        if attachment.name
        else f"{attachment.kind}{media_type}"
    )


def _called(call: ToolCall) -> str:
    """Return a call as people read it: arguments that do not fit a line one below the other."""
    line = f"{call.name}({call.arguments})"
    if len(line) <= READABLE_LINE:
        return line
    try:
        arguments = json.loads(call.arguments)
    except ValueError:  # what a model wrote is not always JSON
        return line
    if not isinstance(arguments, dict):
        return line
    rows = (
        f"  {name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in arguments.items()
    )
    return "\n".join((f"{call.name}(", *rows, ")"))


def _answered(message: Message) -> str:
    return f"{message.tool_name}: {message.content}"
