"""A real endpoint of OpenAI's protocol that streams, and fails and stalls as often as it is told."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Receive, Scope, Send

FAULTS = ("status", "error event", "breaks off", "no protocol", "empty", "redirect", "too early an end")
KEY = "sk-the-leads-own-key"


class FaultyUpstream:
    """Answers ``words`` words, each with ``padding`` bytes beside it.

    Of its answers the share ``failing`` fails and ``stalling`` is silent for long.
    """

    def __init__(
        self,
        failing: float = 0.0,
        stalling: float = 0.0,
        words: int = 5,
        pause: float = 0.0,
        seed: int = 0,
        padding: int = 0,
    ) -> None:
        self.failing, self.stalling, self.words, self.pause = failing, stalling, words, pause
        self.padding = padding
        self.asked: list[dict[str, Any]] = []
        self.ended = 0
        self._random = random.Random(seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = json.loads(body)
        self.asked.append(request)
        lot = self._random.random()
        fault = self._random.choice(FAULTS) if lot < self.failing else ""
        if not fault and lot < self.failing + self.stalling:
            fault = self._random.choice(("stalls at first", "stalls half-way"))
        if fault == "stalls at first":
            await asyncio.sleep(60)
        status = {"status": self._random.choice((401, 429, 500, 503)), "redirect": 302}.get(fault, 200)
        headers = [(b"content-type", b"text/event-stream")]
        if fault == "redirect":
            headers.append((b"location", b"http://169.254.169.254/latest"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if status != 200:
            said = json.dumps({"error": {"message": f"no, {KEY}"}}).encode()
            await send({"type": "http.response.body", "body": said})
            return
        if not request.get("stream"):
            await self._whole(fault, send)
            self.ended += not fault
            return
        async for part in self._parts(fault):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if self.pause:
                await asyncio.sleep(self.pause)
        if fault == "breaks off":
            raise ConnectionResetError  # the body does not come to its end
        await send({"type": "http.response.body", "body": b""})
        self.ended += not fault

    async def _parts(self, fault: str) -> AsyncIterator[bytes]:
        if fault == "no protocol":
            yield b"data: <html>\n\n"
            return
        for number in range(0 if fault == "empty" else self.words):
            if number == self.words // 2:
                if fault in ("breaks off", "too early an end"):
                    return
                if fault == "error event":
                    yield b'data: {"error": {"message": "no, ' + KEY.encode() + b'"}}\n\n'
                    return
                if fault == "stalls half-way":
                    await asyncio.sleep(60)
            yield _event({"content": f"word{number} "}, None, self.padding)
        yield _event({}, "stop")
        yield b"data: [DONE]\n\n"

    async def _whole(self, fault: str, send: Send) -> None:
        if fault.startswith("stalls"):
            await asyncio.sleep(60)
        text = "" if fault else " ".join(f"word{number}" for number in range(self.words))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 1, "completion_tokens": self.words, "total_tokens": 1 + self.words}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        body = json.dumps(head | {"choices": [choice], "usage": usage})
        await send({"type": "http.response.body", "body": b"{" if fault == "no protocol" else body.encode()})


def _event(delta: dict[str, str], reason: str | None, padding: int = 0) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": "0" * padding or None}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


@contextmanager
def upstream_at(upstream: FaultyUpstream) -> Iterator[str]:
    """Run an upstream; yield its base address."""
    config = uvicorn.Config(
        upstream, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(20)
