"""How a message is shown to people and to models that judge: its text, and readable lines of what it holds beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.forms import Turn
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.records import Attachment, Message

_SPEAKERS = {Role.USER: "Person", Role.ASSISTANT: "Model", Role.SYSTEM: "System", Role.TOOL: "Tool"}


def turns_of(message: Message) -> Iterator[Turn]:
    """Yield a message as an annotator sees it: without model name and ids.

    Reasoning, calls and attachments are turns of their own, whose speaker says what they are. A message that holds
    nothing is one empty turn.
    """
    speaker = _SPEAKERS[message.role]
    if message.reasoning:
        yield Turn(f"{speaker}, thinking", message.reasoning, message.role)
    if message.content.strip() or not (message.tool_calls or message.attachments):
        text = message.content if message.tool_name is None else _answered(message)
        yield Turn(speaker, text, message.role)
    for attachment in message.attachments:
        yield Turn(f"{speaker}, attaching", attached(attachment), message.role)
    for call in message.tool_calls:
        yield Turn(f"{speaker}, calling", f"{call.name}({call.arguments})", message.role)


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


def _answered(message: Message) -> str:
    return f"{message.tool_name}: {message.content}"
