"""Stand-ins: models in process that always answer, without a key and a network. They are no LLMs, and say so.

There are three, so that answers can be regenerated and compared; what each says depends on the prompt alone.
"""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from task_generators.llm.answers import DONE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import JsonValue

MOST_QUOTED = 200

SENTENCES = {
    "stand-in-1": "This is a stand-in and no language model. You asked: {prompt}",
    "stand-in-2": "A stand-in answers here, no language model. Your {words} words began with: {prompt}",
    "stand-in-3": "No language model is here; a stand-in repeats you. You said: {prompt} What else?",
}
"""The stand-ins by name, and what each says."""


class StandIn:
    """A stand-in as an upstream."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def whole(self, request: Mapping[str, JsonValue]) -> bytes:
        """Return a whole reply."""
        message = {"role": "assistant", "content": said(self._name, request)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        words = len(str(message["content"]).split())
        usage = {
            "prompt_tokens": 0,
            "completion_tokens": words,
            "total_tokens": words,
        }  # some clients need one
        return json.dumps(self._head("chat.completion") | {"choices": [choice], "usage": usage}).encode()

    @asynccontextmanager
    async def stream(self, request: Mapping[str, JsonValue]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Return a reply word by word."""
        yield self._events(said(self._name, request))

    async def aclose(self) -> None:
        """Close nothing."""

    async def _events(self, text: str) -> AsyncIterator[bytes]:
        head = self._head("chat.completion.chunk")
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in text.split(" ") for word in (f"{word} ",)]
        deltas[-1] = {"content": deltas[-1]["content"].rstrip()}
        for delta in deltas:
            yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield DONE

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self._name,
        }


def said(name: str, request: Mapping[str, JsonValue]) -> str:
    """Return what a stand-in says to the last prompt of a request."""
    messages = request.get("messages")
    prompts = [
        message.get("content")
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and message.get("role") == "user"
    ]
    last = prompts[-1] if prompts else ""
    if isinstance(last, list):
        last = " ".join(str(part.get("text", "")) for part in last if isinstance(part, dict))
    prompt = " ".join(str(last or "").split())
    return SENTENCES[name].format(prompt=prompt[:MOST_QUOTED] or "nothing", words=len(prompt.split()))


def _event(chunk: Mapping[str, object]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
