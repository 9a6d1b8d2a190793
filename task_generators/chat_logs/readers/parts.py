"""Reads the content of a turn, as any tool writes it: a text, or nested lists of parts.

Parts are texts, reasoning, calls of tools, their results, and attachments. Source: the message formats of OpenAI (chat
completions, responses), Anthropic (messages), Google (Gemini), Hugging Face (chat templates), LangChain, LLaMA-Factory
and the Vercel AI SDK, as their documentation had them in November 2026.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.attachments import attachment_of, is_attachment
from task_generators.chat_logs.readers.fields import clean, text
from task_generators.chat_logs.readers.reading import RowError
from workspaces.records import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.records import Attachment

    Part = Mapping[str, object]

_CALLS = {
    "tool_use", "server_tool_use", "mcp_tool_use", "tool_call", "function_call", "custom_tool_call", "mcp_call",
    "tool_invocation", "dynamic_tool",
}  # fmt: skip
_CALL_KEYS = ("functionCall", "function_call", "toolCall", "tool_call", "toolInvocation", "executableCode")
_RESULTS = {
    "function_call_output", "custom_tool_call_output", "function_response", "tool_response", "tool_output",
}  # fmt: skip
_RESULT_KEYS = ("functionResponse", "function_response", "codeExecutionResult")
_REASONING = {
    "thinking",
    "reasoning",
    "thought",
    "thoughts",
    "summary_text",
    "reasoning_text",
    "reasoning_recap",
}
_WITHOUT_TEXT = {"redacted_thinking", "encrypted_content", "step_start", "step_finish"}
"""Kinds of parts that hold no text: marks, and what is encrypted for the model's maker."""
_TEXTS = {
    "",
    "text",
    "input_text",
    "output_text",
    "plain_text",
    "markdown",
    "refusal",
    "code",
    "multimodal_text",
}
_TEXT_KEYS = ("text", "value", "content", "parts", "refusal", "summary", "thinking", "reasoning", "thoughts")
_CODE = "code_execution"


def kind_of(part: Part) -> str:
    """Return the kind that a part says it is, in lower case with underscores; empty if it says none."""
    kind = part.get("type") or part.get("content_type")
    return kind.lower().replace("-", "_") if isinstance(kind, str) and "/" not in kind else ""


def is_step(kind: str) -> bool:
    """Return whether a part of this kind is a step of a model's work: a call, a result or reasoning."""
    return kind in _CALLS or kind in _REASONING or _is_result(kind)


def _is_result(kind: str) -> bool:
    return kind in _RESULTS or kind.endswith("tool_result")


@dataclass(slots=True)
class Piece:
    """What becomes one message. ``is_result`` marks what a tool answered, to which call, and the tool's name."""

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    is_result: bool = False
    call_id: str | None = None
    tool: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read into it."""
        return not (self.is_result or self.texts or self.reasoning or self.calls or self.attachments)

    def leaves(self) -> Iterator[str]:
        """Yield every text in it."""
        yield from self.texts
        yield from self.reasoning
        for call in self.calls:
            yield call.name
            yield call.arguments
        for attachment in self.attachments:
            yield attachment.name or attachment.kind


class Content:
    """The pieces of one turn, in order.

    Args:
        index: the number of the turn, for reasons.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self.pieces: list[Piece] = []

    @property
    def own(self) -> Piece:
        """The piece of the speaker that is being read: what follows a tool's result is a message of its own."""
        if not self.pieces or self.pieces[-1].is_result:
            self.pieces.append(Piece())
        return self.pieces[-1]

    def leaves(self) -> Iterator[str]:
        """Yield every text of every piece."""
        for piece in self.pieces:
            yield from piece.leaves()

    def add(self, value: object) -> None:
        """Read a text, a part, or a list of these; a list may be kept as JSON text.

        Raises:
            RowError: a part has no text, or cannot be read.
        """
        if value is None:
            return
        if isinstance(value, str):
            listed = _listed(value)
            if listed is None:
                self.own.texts.append(clean(value))
            else:
                self.add(listed)
        elif isinstance(value, list):
            for part in value:
                self.add(part)
        elif isinstance(value, dict):
            self._add_part(value)
        else:
            raise RowError(f"a turn has no text: turn {self._index}")

    def add_reasoning(self, value: object) -> None:
        """Read reasoning: a text, or parts that hold texts."""
        inner = Content(self._index)
        inner.add(value)
        self.own.reasoning += (leaf for leaf in inner.leaves() if leaf.strip())

    def add_calls(self, calls: object) -> None:
        """Read calls of tools: one, or a list, which may be JSON text.

        Raises:
            RowError: a call has no name.
        """
        for call in from_json(calls):
            if isinstance(call, dict) and any(value is not None for value in call.values()):
                self._add_call(call)
            elif call:
                raise RowError(f"a tool call has no name: turn {self._index}")

    def add_result(self, part: Part, value: object) -> None:
        """Read what a tool answered as a piece of its own; what is no text and no part is kept as JSON text."""
        inner = Content(self._index)
        if isinstance(value, str):
            inner.own.texts.append(clean(value))
        elif value is not None and not _are_parts(value if isinstance(value, list) else [value]):
            inner.own.texts.append(json_text(value))
        else:
            inner.add(value)
        self.pieces.append(
            Piece(
                texts=[leaf for piece in inner.pieces for leaf in (*piece.texts, *piece.reasoning)],
                calls=[call for piece in inner.pieces for call in piece.calls],
                attachments=[attachment for piece in inner.pieces for attachment in piece.attachments],
                is_result=True,
                call_id=_first(part, "tool_use_id", "tool_call_id", "toolCallId", "call_id", "id"),
                tool=_first(part, "tool_name", "toolName", "name"),
            )
        )

    def _add_part(self, part: Part) -> None:
        kind = kind_of(part)
        called = next((part[key] for key in _CALL_KEYS if isinstance(part.get(key), dict)), None)
        result = next((part[key] for key in _RESULT_KEYS if isinstance(part.get(key), dict)), None)
        if isinstance(called, dict):
            self._add_call(called)
        elif kind in _CALLS:
            self._add_call(part)
        elif kind.startswith("tool_") and "toolCallId" in part and not _is_result(kind):
            self._add_call({"toolName": kind.removeprefix("tool_"), **part})
        elif isinstance(result, dict) or _is_result(kind):
            held = result if isinstance(result, dict) else part
            self.add_result(held, _value(held, "content", "output", "result", "response", "text"))
        elif kind in _WITHOUT_TEXT:
            return
        elif kind in _REASONING or part.get("thought") is True:
            self.add_reasoning([part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str | list)])
        elif is_attachment(part, kind):
            attachment, texts = attachment_of(part, kind)
            self.own.attachments.append(attachment)
            self.own.texts += texts
        else:
            self._add_text(part, kind)

    def _add_text(self, part: Part, kind: str) -> None:
        value = _value(part, *_TEXT_KEYS)
        if value is not None:
            self.add(value)
        elif kind in _TEXTS:
            raise RowError(f"a text part has no text: turn {self._index}")
        elif any(key not in ("type", "id") and value for key, value in part.items()):
            raise RowError(f"a part is of an unknown kind: {kind[:40]!r} in turn {self._index}")

    def _add_call(self, call: Part) -> None:
        function = call.get("function")
        called: Part = {**call, **function} if isinstance(function, dict) else call
        name = _first(called, "name", "toolName", "tool_name", "tool")
        if name is None and isinstance(called.get("code"), str):  # Gemini's own interpreter
            name, arguments = _CODE, json_text(called)
        elif name is None:
            raise RowError(f"a tool call has no name: turn {self._index}")
        else:
            arguments = _arguments(_value(called, "arguments", "args", "input", "parameters"))
        call_id = _first(call, "call_id", "toolCallId", "tool_call_id", "id")
        self.own.calls.append(ToolCall(name, arguments, call_id))
        result = _value(call, "result", "output")
        if result is not None:
            self.add_result({"id": call_id, "name": name}, result)


def from_json(value: object) -> list[object]:
    """Return a value as a list: a list, one item, or either as JSON text; nothing for null and blank text."""
    if isinstance(value, str):
        if not value.strip():
            return []
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def json_text(value: object) -> str:
    """Return a value as JSON text; a number that is not finite becomes null, a time its text."""
    return clean(json.dumps(_finite(value), ensure_ascii=False, default=str))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _arguments(value: object) -> str:
    if isinstance(value, str):
        return clean(value) if value.strip() else "{}"
    return "{}" if value is None else json_text(value)


def _listed(value: str) -> list[object] | None:
    """Return the parts that a text holds as JSON, as tables and Parquet files keep them; None for any other text."""
    if not value.startswith('[{"') or '"type"' not in value:
        return None
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return parts if _are_parts(parts) else None


def _are_parts(values: list[object]) -> bool:
    """Return whether all values are texts, or parts that say what kind they are."""
    return all(
        isinstance(value, str)
        or (
            isinstance(value, dict)
            and (kind := kind_of(value)) != ""
            and (kind in _TEXTS or is_step(kind) or is_attachment(value, kind))
        )
        for value in values
    )


def _first(part: Part, *keys: str) -> str | None:
    return next((name for key in keys if (name := text(part.get(key)))), None)


def _value(part: Part, *keys: str) -> object:
    return next((value for key in keys if (value := part.get(key)) is not None), None)
