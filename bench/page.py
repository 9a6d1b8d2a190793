"""People on their pages, with events open, while others stream chats: time and processor time of a page, and memory.

Each person opens ``/me`` again and again with an SSE connection open; others ask the stand-in by the gateway. The
server is a process of its own; the client's load is on the same cores. Run it on a quiet machine:

    nice -n 10 uv run python bench/page.py --people 200 --chats 50
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil

from chatfeedback import steps
from chatfeedback.steps.chat_keys import make_chat_key
from chatfeedback.web import running
from tests.filled_workspace import fill
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 3
PAUSE_SECONDS = 5.0
"""Somebody loads their page again after so long."""

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)


async def main(people: int, chats: int) -> None:
    """Measure, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder, closing(fill(Path(folder) / "workspace")) as workspace:
        path = workspace.path / "chatfeedback.yaml"
        path.write_text(
            path.read_text("utf-8") + "chat: {stand_in: true, requests_per_minute: 1000}\n", "utf-8"
        )
        names = [workspace.pseudonyms.on_platform("argilla")(f"person-{n}") for n in range(people)]
        for name in names:
            steps.adjust_points(workspace, name, 1000, reason="bench", author="lead")
        links = [steps.make_sign_in_link(workspace, name, timedelta(hours=1)) for name in names]
        keys = [make_chat_key(workspace, name) for name in names[:chats]]
        with Workspace.open(workspace.path) as opened:
            address = running.start_page(opened)
        try:
            found = running._running(workspace.path)
            assert found is not None
            print(json.dumps(await _measure(address, psutil.Process(found[1].pid), links, keys)))
        finally:
            running.stop_page(workspace.path)


async def _measure(
    address: str, server: psutil.Process, links: Sequence[str], keys: Sequence[str]
) -> dict[str, float]:
    clients = [httpx.AsyncClient(base_url=address, limits=LIMITS, timeout=60) for _ in links]
    try:
        for client, link in zip(clients, links, strict=True):
            await _sign_in(client, link)
        before = server.cpu_times()
        streams = [asyncio.create_task(_listen(client)) for client in clients]
        talks = [asyncio.create_task(_talk(address, key)) for key in keys]
        await asyncio.sleep(2)
        idle = server.cpu_times()
        taken = [each for some in await asyncio.gather(*map(_look, clients)) for each in some]
        after, memory = server.cpu_times(), server.memory_info().rss
        answers = 0
        for task in (*streams, *talks):
            task.cancel()
        for task in talks:
            with contextlib.suppress(asyncio.CancelledError):
                answers += await task
        await asyncio.gather(*streams, return_exceptions=True)
    finally:
        for client in clients:
            await client.aclose()
    spent = (after.user + after.system) - (idle.user + idle.system)
    cuts = statistics.quantiles(taken, n=20)
    return {
        "people": len(links),
        "streaming": len(keys),
        "pages": len(taken),
        "median_ms": round(statistics.median(taken) * 1000, 1),
        "p95_ms": round(cuts[-1] * 1000, 1),
        "server_cpu_s": round(spent, 2),
        "begin_cpu_s": round((idle.user + idle.system) - (before.user + before.system), 2),
        "memory_mib": round(memory / 2**20, 1),
        "load_1min": round(os.getloadavg()[0], 1),
    }


async def _sign_in(client: httpx.AsyncClient, link: str) -> None:
    page = await client.get(f"/link/{link}")
    token = page.text.partition('name="csrf" value="')[2][:64]
    while True:
        answer = await client.post(f"/link/{link}", data={"csrf": token})
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        await asyncio.sleep(float(answer.headers["Retry-After"]))  # all come from one address
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.status_code


async def _listen(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/me/events", timeout=None) as events:
        assert events.status_code == httpx.codes.OK
        async for _ in events.aiter_bytes():
            pass


async def _talk(address: str, key: str) -> int:
    answers = 0
    body = {"model": "dynamic", "stream": True, "messages": [{"role": "user", "content": "Tell me more."}]}
    async with httpx.AsyncClient(
        base_url=address, timeout=60, headers={"Authorization": f"Bearer {key}"}
    ) as client:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                    assert answer.status_code == httpx.codes.OK, await answer.aread()
                    async for _ in answer.aiter_bytes():
                        pass
                answers += 1
    return answers


async def _look(client: httpx.AsyncClient) -> list[float]:
    taken = []
    for number in range(ROUNDS):
        await asyncio.sleep(PAUSE_SECONDS * ((id(client) // 64 + number) % 17) / 17)
        begun = time.perf_counter()
        page = await client.get("/me")
        taken.append(time.perf_counter() - begun)
        assert page.status_code == httpx.codes.OK
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--chats", type=int, default=50)
    given = parser.parse_args()
    asyncio.run(main(given.people, given.chats))
