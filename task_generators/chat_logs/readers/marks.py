"""Reasoning and calls that a model, or its template, writes into its text in marks: they are taken out of it.

Reasoning stands in ``<think>`` at the very beginning, and calls in ``<tool_call>`` at the end; elsewhere such marks are
text.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.parts import Content
from workspaces.records import Role

if TYPE_CHECKING:
    from workspaces.records import Message

_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_CALLED = re.compile(r"(?:\s*<tool_call>((?:(?!</?tool_call>).)*)</tool_call>)+\s*\Z", re.DOTALL)
_ONE_CALLED = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def without_marks(message: Message) -> Message:
    """Return a model's message with the reasoning and the calls that its text has in marks taken out."""
    if message.role is not Role.ASSISTANT or "<t" not in message.content:
        return message
    content, reasoning, calls = message.content, message.reasoning, message.tool_calls
    if reasoning is None:
        reasoning, content = _split_thought(content)
    called = _CALLED.search(content)
    if called and not calls:
        read = Content(0)
        try:
            for call in _ONE_CALLED.findall(called[0]):
                read.add_calls(json.loads(call))
        except (ValueError, RecursionError):
            pass
        else:
            content, calls = content[: called.start()], tuple(read.own.calls)
    return replace(message, content=content, reasoning=reasoning, tool_calls=calls)


def without_thoughts(text: str) -> str:
    """Return what a model wrote without the reasoning that its text begins with in marks."""
    return _split_thought(text)[1]


def _split_thought(text: str) -> tuple[str | None, str]:
    thought = _THOUGHT.match(text)
    if thought is None or "<think>" in thought[1]:
        return None, text
    return thought[1].strip() or None, text[thought.end() :]
