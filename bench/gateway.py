"""The gateway against a bare httpx proxy: time of streamed answers, processor per token, time to the first token.

An upstream, the proxy and the gateway each run in a process of their own, and are asked alternately.

    uv run python -m bench.gateway
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import psutil
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with
from tests.unit.chatfeedback.web.faulty_upstream import FaultyUpstream
from workspaces.servers.managed import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

TOKENS, ANSWERS, AT_ONCE, ROUNDS = 400, 8, 4, 3
PAUSES = (0.005, 0.0005)
"""Seconds between two tokens of an upstream, which come one by one as those of models do; and the fastest of models."""


class Figures(NamedTuple):
    """Of a round of answers: all their seconds, the processor's time of a token, and the median to a first token."""

    seconds: float
    processor_ms_per_token: float
    first_token_ms: float


def bare_proxy(base_url: str) -> ASGIApp:
    """Return a proxy that does nothing but pass bytes on."""
    client = httpx.AsyncClient(timeout=60)

    async def passed(request: Request) -> StreamingResponse:
        body = await request.body()
        asked = client.build_request("POST", f"{base_url}/chat/completions", content=body)
        answer = await client.send(asked, stream=True)

        async def parts() -> AsyncIterator[bytes]:
            async for part in answer.aiter_bytes():
                yield part
            await answer.aclose()

        return StreamingResponse(parts(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", passed, methods=["POST"])])


async def answers(address: str, key: str, model: str) -> tuple[float, list[float]]:
    """Return the seconds of all answers together, and those to each first token."""
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True}
    first: list[float] = []
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(http: httpx.AsyncClient) -> None:
        async with slots:
            begun = time.perf_counter()
            async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
                assert answer.status_code == 200, await answer.aread()
                text = b""
                async for part in answer.aiter_bytes():
                    if not text:
                        first.append(time.perf_counter() - begun)
                    text += part
            assert text.rstrip().endswith(b"data: [DONE]")
            assert text.count(b"word") == TOKENS

    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120) as http:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(http) for _ in range(ANSWERS)))
        return time.perf_counter() - begun, first


def up(address: str) -> None:
    """Wait until something listens."""
    while True:
        try:
            httpx.get(f"{address}/nothing")
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return


def measured_at(pause: float) -> dict[str, object]:
    """Return the figures of a proxy and a gateway in front of an upstream with so many seconds between tokens."""
    ports = {name: free_port() for name in ("upstream", "proxy", "gateway")}
    base_url = f"http://127.0.0.1:{ports['upstream']}/v1"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "w"
        models = [{"model": "m", "base_url": base_url}]
        chat = {"models": models, "requests_per_minute": 10_000, "at_once": 100}
        with chat_workspace(folder, chat=chat) as workspace:
            key = key_of(workspace, person_with(workspace, "ada", 100_000))
        web = ["chatfeedback", "web", "--port", f"{ports['gateway']}", "--workspace", f"{folder}"]
        commands = {
            "upstream": ["bench.gateway", "upstream", f"{ports['upstream']}", f"{pause}"],
            "proxy": ["bench.gateway", "proxy", f"{ports['proxy']}", base_url],
            "gateway": web,
        }
        started: dict[str, psutil.Process] = {}
        for name, command in commands.items():
            line = [sys.executable, "-m", *command]
            process = stack.enter_context(
                subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.kill)
            started[name] = psutil.Process(process.pid)
        measured: dict[str, list[Figures]] = {"proxy": [], "gateway": []}
        for port in ports.values():
            up(f"http://127.0.0.1:{port}")
        for round_number in range(ROUNDS + 1):
            for name, rounds in measured.items():
                before = started[name].cpu_times()
                seconds, first = asyncio.run(answers(f"http://127.0.0.1:{ports[name]}", key, "m"))
                after = started[name].cpu_times()
                cpu = (after.user + after.system - before.user - before.system) / (ANSWERS * TOKENS)
                if round_number:  # the first one warms up
                    rounds.append(Figures(seconds, 1000 * cpu, 1000 * statistics.median(first)))
        ratios = [
            gateway.seconds / proxy.seconds
            for proxy, gateway in zip(measured["proxy"], measured["gateway"], strict=True)
        ]
        medians = {
            name: {
                field: round(statistics.median(getattr(each, field) for each in rounds), 4)
                for field in Figures._fields
            }
            for name, rounds in measured.items()
        }
        return {**medians, "time_ratio": round(statistics.median(ratios), 3)}


def main() -> None:
    """Print the figures."""
    figures = {f"{1000 * pause:g} ms a token": measured_at(pause) for pause in PAUSES}
    print(json.dumps({"tokens": TOKENS, "answers": ANSWERS, "at_once": AT_ONCE, **figures}, indent=2))


def serve(app: ASGIApp, port: int) -> None:
    """Run one of the servers."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")


if __name__ == "__main__":
    if sys.argv[1:2] == ["upstream"]:
        serve(FaultyUpstream(words=TOKENS, pause=float(sys.argv[3])), int(sys.argv[2]))
    elif sys.argv[1:2] == ["proxy"]:
        serve(bare_proxy(sys.argv[3]), int(sys.argv[2]))
    else:
        main()
