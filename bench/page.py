"""People on their pages, with events open, while others stream chats: time of a page and of a first token, and memory.

    uv run python -m bench.page --people 200 --chats 50

Each person opens ``/me`` every ``PAGE_SECONDS`` with an SSE connection open, and fetches their points when an event
says that they changed. Some of them ask by the gateway, again and again, for answers of an upstream that says a token
every ``TOKEN_SECONDS``, as models do; a few more ask that upstream itself. The page, the upstream and those who ask are
a process each, all on the same cores. Run it on a quiet machine.

What clients waited is told beside what ``bench.stopwatch`` measured inside the page's process at the same time: its
part of a page and of a first token, how late its event loop was, what it waited for the store, and the processor's
time of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import psutil
import yaml

from bench.gateway import serve, up
from chatfeedback import steps
from chatfeedback.steps.chat_keys import make_chat_key
from chatfeedback.web import running
from chatfeedback.web.app import application
from chatfeedback.web.sessions import SESSION
from tests.filled_workspace import fill
from tests.unit.chatfeedback.web.faulty_upstream import FaultyUpstream
from workspaces.servers.managed import free_port
from workspaces.store.web_sessions import WebSession, hash_of_token, open_session
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.workspace import Workspace

ROUNDS = 4
PAGE_SECONDS = 5.0
"""Somebody loads their page again after so long."""

TOKENS, TOKEN_SECONDS = 200, 0.02
DIRECT = 4
"""So many ask the upstream itself."""
BEGIN_SECONDS = 5.0
"""Within this time those who ask begin, and the first answers end; only then pages are opened."""

KEPT_SECONDS = 2.0
"""A client closes what is idle for so long; the page's server for 5 seconds."""

GATEWAY = "/v1/chat/completions"
INSIDE = {"page": "/me", "points": "/me/points", "first_token": GATEWAY, "late_loop": "loop"}
INSIDE |= {name: name for name in ("statement", "commit", "garbage 0", "garbage 1", "garbage 2")}
"""What the stopwatch measures, as it is told."""


def main(people: int, chats: int) -> None:
    """Measure, and print one line of JSON."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        workspace = stack.enter_context(closing(fill(Path(folder) / "workspace")))
        port = free_port()
        upstream = f"http://127.0.0.1:{port}/v1"
        asked = started(stack, "bench.page", "upstream", str(port), stderr=subprocess.DEVNULL)
        up(upstream)
        chat = {"models": [{"model": "m", "base_url": upstream}], "requests_per_minute": 1000}
        path = workspace.path / "chatfeedback.yaml"
        path.write_text(path.read_text("utf-8") + yaml.safe_dump({"chat": chat}), "utf-8")
        names = [workspace.pseudonyms.on_platform("argilla")(f"person-{n}") for n in range(people)]
        for name in names:
            steps.adjust_points(workspace, name, 1000, reason="bench", author="lead")
        cookies = signed_in(workspace, names)
        keys = [make_chat_key(workspace, name) for name in names[:chats]]
        output = Path(folder) / "stopwatch.json"
        page = started(stack, "bench.stopwatch", str(path.parent), str(free_port()), str(output))
        while (address := running.address_of(workspace.path)) is None:
            assert page.poll() is None, "the page did not start"
            time.sleep(0.05)
        processes = {"server": page, "upstream": asked, "page clients": None}
        figures, window = asyncio.run(
            _measure(
                stack,
                address,
                {it: _process(each) for it, each in processes.items()},
                cookies,
                keys,
                upstream,
            )
        )
        page.terminate()
        page.wait()
        inside = json.loads(output.read_text("utf-8"))
        print(
            json.dumps(
                figures
                | {"inside_ms": {it: _within(inside.get(of, ()), *window) for it, of in INSIDE.items()}}
            )
        )


def _process(started: subprocess.Popen[bytes] | None) -> psutil.Process:
    return psutil.Process(started.pid if started else None)


def _within(taken: Sequence[tuple[float, float]], begun: float, ended: float) -> dict[str, float]:
    return _spread([1000 * seconds for moment, seconds in taken if begun <= moment < ended])


def signed_in(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Return the cookie of a session of each person: to sign in so many from one address takes minutes."""
    site, now = application(workspace).state.site, utc_now()
    sessions = {name: secrets.token_urlsafe() for name in names}
    with workspace.store.write() as connection:
        for name, token in sessions.items():
            row = WebSession(hash_of_token(token), name, False, None, now, now + timedelta(hours=1))
            open_session(connection, row)
    return [f"{token}.{site.signature(SESSION, token)}" for token in sessions.values()]


def started(stack: ExitStack, *arguments: str, **options: int) -> subprocess.Popen[bytes]:
    """Start a part of this bench as a process, which ends with the stack."""
    command = [sys.executable, "-m", *arguments]
    process: subprocess.Popen[bytes] = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


async def _measure(
    stack: ExitStack,
    address: str,
    processes: Mapping[str, psutil.Process],
    cookies: Sequence[str],
    keys: Sequence[str],
    upstream: str,
) -> tuple[dict[str, object], tuple[float, float]]:
    """Return what clients waited, and when the pages were opened: from, to."""
    clients = [_client(address, {"Cookie": f"{SESSION}={each}"}) for each in cookies]
    changed: list[float] = []
    try:
        listeners = [asyncio.create_task(_listen(client, changed)) for client in clients]
        lasts = BEGIN_SECONDS + ROUNDS * PAGE_SECONDS
        asking = started(
            stack,
            "bench.page",
            "ask",
            address,
            upstream,
            f"{lasts}",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert asking.stdin is not None
        asking.stdin.write(json.dumps(keys).encode())
        asking.stdin.close()
        await asyncio.sleep(BEGIN_SECONDS)
        processes = {**processes, "chat clients": psutil.Process(asking.pid)}
        before, begun = _processor(processes), time.perf_counter()
        looks = (_look(client, place / len(clients)) for place, client in enumerate(clients))
        taken = [each for some in await asyncio.gather(*looks) for each in some]
        after, ended = _processor(processes), time.perf_counter()
        memory = processes["server"].memory_info().rss
        assert asking.stdout is not None
        said = json.loads(await asyncio.to_thread(asking.stdout.read))
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    finally:
        for client in clients:
            await client.close()
    first = {name: [1000 * seconds for seconds in said[name]] for name in ("gateway", "upstream")}
    return {
        "people": len(cookies),
        "streaming": len(keys),
        "page_ms": _spread([1000 * seconds for seconds in taken]),
        "points_after_event_ms": _spread([1000 * seconds for seconds in changed]),
        "first_token_ms": {name: _spread(each) for name, each in first.items()},
        "first_token_later_ms": round(
            statistics.median(first["gateway"]) - statistics.median(first["upstream"]), 1
        ),
        "processor_s": {name: round(after[name] - before[name], 2) for name in processes},
        "seconds": round(ended - begun, 1),
        "memory_mib": round(memory / 2**20, 1),
        "load_1min": round(os.getloadavg()[0], 1),
    }, (begun, ended)


def _client(address: str | None, headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Return a client with connections of its own, as a browser has."""
    return aiohttp.ClientSession(
        address,
        headers=headers,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_read=60),
    )


def _processor(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    taken = {name: process.cpu_times() for name, process in processes.items()}
    return {name: each.user + each.system for name, each in taken.items()}


def _spread(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"count": len(values)}
    return {
        "count": len(values),
        "median": round(statistics.median(values), 1),
        "p95": round(statistics.quantiles(values, n=20)[-1], 1),
        "most": round(max(values), 1),
    }


async def _listen(client: aiohttp.ClientSession, taken: list[float]) -> None:
    async with client.get("/me/events", timeout=aiohttp.ClientTimeout(total=None)) as events:
        assert events.status == HTTPStatus.OK
        async for line in events.content:
            if line == b"event: points\n":
                taken += [await _get(client, "/me/points")]


async def _look(client: aiohttp.ClientSession, share: float) -> list[float]:
    taken, begun = [], time.perf_counter() + share * PAGE_SECONDS
    for number in range(ROUNDS):
        await asyncio.sleep(max(0.0, begun + number * PAGE_SECONDS - time.perf_counter()))
        taken.append(await _get(client, "/me"))
    return taken


async def _get(client: aiohttp.ClientSession, path: str) -> float:
    begun = time.perf_counter()
    async with client.get(path) as page:
        assert page.status == HTTPStatus.OK, page.status
        await page.read()
    return time.perf_counter() - begun


async def _ask(address: str, upstream: str, keys: Sequence[str], seconds: float) -> dict[str, list[float]]:
    """Ask for answers, one after the other with each key and of the upstream itself; return seconds to first tokens."""
    first: dict[str, list[float]] = {"gateway": [], "upstream": []}
    ends = time.perf_counter() + seconds

    async def talk(name: str, base_url: str, key: str, share: float) -> None:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Tell me more."}]}
        headers = {"Authorization": f"Bearer {key}"}
        await asyncio.sleep(share * BEGIN_SECONDS)
        while time.perf_counter() < ends:
            begun, text = time.perf_counter(), b""
            async with http.post(f"{base_url}/chat/completions", json=body, headers=headers) as answer:
                assert answer.status == HTTPStatus.OK, await answer.text()
                async for part in answer.content.iter_any():
                    if not text:
                        first[name].append(time.perf_counter() - begun)
                    text += part
            assert text.count(b"word") == TOKENS

    async with _client(None, {}) as http:
        await asyncio.gather(
            *(talk("upstream", upstream, "none", place / DIRECT) for place in range(DIRECT)),
            *(talk("gateway", f"{address}/v1", key, place / len(keys)) for place, key in enumerate(keys)),
        )
    return first


if __name__ == "__main__":
    if sys.argv[1:2] == ["upstream"]:
        serve(FaultyUpstream(words=TOKENS, pause=TOKEN_SECONDS), int(sys.argv[2]))
    elif sys.argv[1:2] == ["ask"]:
        address, upstream, lasts = sys.argv[2:5]
        print(json.dumps(asyncio.run(_ask(address, upstream, json.load(sys.stdin), float(lasts)))))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--people", type=int, default=200)
        parser.add_argument("--chats", type=int, default=50)
        given = parser.parse_args()
        main(given.people, given.chats)
