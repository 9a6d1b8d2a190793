"""Answers of OpenAI's protocol of chat completions as they come: their bytes are passed on, and what they say is kept.

Source: the reference of OpenAI's API, "The chat completion object" and "The chat completion chunk object".
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from task_generators.llm.bounded import MAX_REPLY_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import JsonValue

DONE = b"data: [DONE]\n\n"
"""The last event of a stream; it is sent once the points were captured."""

CUT_SHORT = (
    b'data: {"id": "cut-short", "object": "chat.completion.chunk", "created": 0, "model": "", '
    b'"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}\n\n'
)
"""What stands before it where a bound of ours ended the answer; the empty line ends an event that is half there."""


_COUNTED = frozenset(
    [
        "role",
        "name",
        "id",
        "content",
        "refusal",
        "reasoning",
        "reasoning_content",
        "tool_calls",
        "function_call",
        "provider_specific_fields",
    ]
)
"""The fields of a message that say nothing, or that are counted by what is in them."""

_FAILED = "the endpoint reported a failure"


class UnfinishedAnswerError(Exception):
    """An answer did not come to its end, or is none; the text says why and holds nothing that the endpoint said."""


class TooLongAnswerError(UnfinishedAnswerError):
    """An answer has more bytes than any is read of."""

    def __init__(self) -> None:
        super().__init__("the answer is too long")


@dataclass(slots=True)
class Answer:
    """What a model said so far: its text, its reasoning, its calls of tools by position, and whether it ended.

    ``has_more``: it also gave what is not kept, such as sound or pictures. ``cut_short``: it went on, and a bound of
    ours ended it, as one of its tokens would have.
    """

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    has_more: bool = False
    finished: bool = False
    cut_short: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said, thought, called or given at all: for anything else its reader pays."""
        said = (*self.texts, *self.reasoning)
        return not (self.calls or self.has_more or any(text.strip() for text in said))

    def turn(self) -> dict[str, JsonValue]:
        """Return it as a message of the protocol."""
        turn: dict[str, JsonValue] = {"role": "assistant", "content": _joined(self.texts)}
        if self.reasoning:
            turn["reasoning_content"] = _joined(self.reasoning)
        if self.calls:
            turn["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for _, call in sorted(self.calls.items())
            ]
        return turn

    def add(self, choice: Mapping[str, object]) -> None:
        """Add a ``message``, or the ``delta`` of one.

        Raises:
            UnfinishedAnswerError: it says that the answer failed.
        """
        if choice.get("error") or choice.get("finish_reason") == "error":
            raise UnfinishedAnswerError(_FAILED)
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, dict):
            self._add_content(said.get("content"))
            if isinstance(text := said.get("refusal"), str):
                self.texts.append(text)
            audio = said.get("audio")
            if isinstance(audio, dict) and isinstance(text := audio.get("transcript"), str):
                self.texts.append(text)
            thought = said.get("reasoning_content") or said.get("reasoning")
            if isinstance(thought, str):
                self.reasoning.append(thought)
            if calls := said.get("tool_calls"):
                self._add_calls(calls)
            if isinstance(call := said.get("function_call"), dict):  # the older form of a single call
                self._add_calls([{"index": 0, "function": call}])
            if any(value for name, value in said.items() if name not in _COUNTED):
                self.has_more = True
        if choice.get("finish_reason"):
            self.finished = True

    def _add_content(self, content: object) -> None:
        """Add a text, or its parts as of Mistral's models that reason."""
        if isinstance(content, str):
            self.texts.append(content)
        for part in content if isinstance(content, list) else ():
            text, thought = (
                (part.get("text"), part.get("thinking")) if isinstance(part, dict) else (part, None)
            )
            if isinstance(text, str):
                self.texts.append(text)
            elif isinstance(thought, list):
                pieces = (piece.get("text") for piece in thought if isinstance(piece, dict))
                self.reasoning += [piece for piece in pieces if isinstance(piece, str)]
            elif isinstance(thought, str):
                self.reasoning.append(thought)
            elif isinstance(part, dict) and any(value for name, value in part.items() if name != "type"):
                self.has_more = True

    def _add_calls(self, calls: object) -> None:
        for place, given in enumerate(calls if isinstance(calls, list) else ()):
            if not isinstance(given, dict):
                continue
            index = given.get("index")
            call = self.calls.setdefault(
                index if isinstance(index, int) else place, {"id": "", "name": "", "arguments": ""}
            )
            function = given.get("function")
            if isinstance(given.get("id"), str):
                call["id"] = call["id"] or given["id"]
            if isinstance(function, dict):
                for key in ("name", "arguments"):
                    if isinstance(function.get(key), str):
                        call[key] += function[key]


class StreamedAnswer:
    """Reads the events of a stream, and returns what to pass on: all whole lines but the end, which waits.

    ``has_ended`` says that the end was there.
    """

    def __init__(self) -> None:
        self.answer = Answer()
        self._rest: list[bytes] = []
        self._bytes = 0
        self.has_ended = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come; return whole events to pass on.

        Raises:
            TooLongAnswerError: it says too much.
            UnfinishedAnswerError: the endpoint reports a failure.
        """
        self._bytes += len(data)
        if self._bytes > MAX_REPLY_BYTES:
            raise TooLongAnswerError
        head, newline, rest = data.rpartition(b"\n")
        if not newline:  # joined once its line ends: a long line in small pieces is not copied for each
            self._rest.append(data)
            return b""
        whole = b"".join((*self._rest, head))
        self._rest = [rest]
        if b"[DONE]" in whole:
            lines = whole.split(b"\n")
            for line in lines:
                self._take(line)
            kept = [
                line for line in lines if line.strip() != b"data: [DONE]" and line.strip() != b"data:[DONE]"
            ]
            text = b"\n".join(kept).rstrip(b"\r\n")
            return text + b"\n\n" if text else b""
        for line in whole.split(b"\n"):
            self._take(line)
        return whole + newline

    def last(self) -> bytes:
        """Return the end of what to pass on, once the stream ended: it may lack the empty line after its last event.

        Raises:
            UnfinishedAnswerError: the last event is half there.
        """
        return b"" if self.has_ended else self.feed(b"\n\n")

    def end(self) -> Answer:
        """Return the answer once the stream ended.

        Raises:
            UnfinishedAnswerError: it did not come to its end, or says nothing.
        """
        if not (self.has_ended or self.answer.finished):
            raise UnfinishedAnswerError("the answer broke off")
        if self.answer.is_empty:
            raise UnfinishedAnswerError("the answer is empty")
        return self.answer

    def cut(self) -> Answer:
        """Return the answer as far as it came, where a bound of ours ended it.

        Raises:
            UnfinishedAnswerError: it says nothing so far.
        """
        self.answer.finished = self.answer.cut_short = True
        return self.end()

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self.has_ended = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise UnfinishedAnswerError("the answer is not in OpenAI's protocol") from None
        if not isinstance(event, dict) or event.get("error"):
            raise UnfinishedAnswerError(_FAILED)
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                self.answer.add(choice)


class Listening:
    """Yields the parts of a stream, and tells for how long it has been waited for the next one now."""

    def __init__(self) -> None:
        self._since: float | None = None

    async def to(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the parts; what their reader does with each is no waiting."""
        self._since = time.monotonic()
        async for part in parts:
            self._since = None
            yield part
            self._since = time.monotonic()

    def silent(self) -> float:
        """Return for how many seconds nothing has come."""
        return 0.0 if self._since is None else time.monotonic() - self._since


def whole_answer(body: bytes) -> Answer:
    """Return the answer in a whole reply.

    Raises:
        UnfinishedAnswerError: it holds none.
    """
    try:
        reply = json.loads(body)
        if reply.get("error"):
            raise UnfinishedAnswerError(_FAILED)
        choice = reply["choices"][0]
        answer = Answer()
        answer.add(choice)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        raise UnfinishedAnswerError("the answer is not in OpenAI's protocol") from None
    if answer.is_empty:
        raise UnfinishedAnswerError("the answer is empty")
    return answer


def _joined(texts: list[str]) -> str:
    """Return pieces of text as one; halves of characters that nothing can store are replaced."""
    return "".join(texts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
