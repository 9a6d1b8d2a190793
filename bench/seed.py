"""Seed feedback from an endpoint that takes 200 ms, 64 requests at once, beside a bare httpx loop in the same run.

Prints requests per second, processor of this process per request (user and system), and tokens per rated response
(four bytes counted as one token, by the stand-in). With ``--faults`` the endpoint answers 5 % with 429 (Retry-After
1 s), 2 % with 500, stalls at 2 %, garbles 3 % and cuts off 1 %, and the run is killed (``kill -9``) half-way; the next
run goes on. Printed are the states in which requests ended, and how many were answered well and sent again: none but
those that were in flight at the kill. The bench fails where a request is in no state, in none that is an end, was sent
after a success that is stored, or where more than what was in flight was lost.

The endpoint is a local stand-in in a process of its own. It says nothing about how well a model rates.

Run: python -m bench.seed [REQUESTS] [--faults]
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import httpx

import task_generators.seed_feedback.llm  # noqa: F401 - imports are no part of a request
from chatfeedback import steps
from workspaces.records import Conversation, Message, Role
from workspaces.store.requests import RequestState
from workspaces.store.seed_requests import count_requests
from workspaces.workspace import Workspace

CONCURRENCY = 64
SECONDS = 0.2
RATING = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "yes")
FAULTS = {"429": 0.05, "500": 0.02, "stall": 0.02, "malformed": 0.03, "cut": 0.01}
WORDS = ["the", "quick", "brown", "fox", "answers", "why", "bread", "needs", "yeast", "and", "some", "time"]


class Server(asyncio.Protocol):
    """One connection of the stand-in: as little HTTP as a keep-alive client needs."""

    faults = False
    served: ClassVar[dict[str, list[str]]] = {}
    """What each request was answered with, by the number of its conversation."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        found = re.search(rb"content-length: (\d+)", head.lower())
        length = int(found[1]) if found else 0
        if len(rest) < length:
            return
        body, self.buffer = rest[:length], rest[length:]
        if b"GET /served" in head:
            self.reply(200, json.dumps(self.served).encode())
            return
        asyncio.get_running_loop().call_later(SECONDS, self.answer, body)

    def answer(self, body: bytes) -> None:
        shares = FAULTS if self.faults else {}
        kind = random.choices([*shares, "good"], [*shares.values(), 1 - sum(shares.values())])[0]
        request = json.loads(body)
        user = request["messages"][1]["content"]
        about = re.search(r"^(\d+) 0 ", user, re.MULTILINE)
        assert about is not None
        self.served.setdefault(about[1], []).append(kind)
        numbers = [int(number) for number in re.findall(r"^\w+ (\d+) assistant.* RATE$", user, re.MULTILINE)]
        text = json.dumps({"ratings": [{"message": n, **RATING, "significance": "high"} for n in numbers]})
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4}
        if kind == "malformed":
            text = text[: len(text) // 2]
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        whole = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        sent = json.dumps(whole | {"usage": usage}).encode()
        if kind == "stall":
            return
        if kind == "429":
            self.reply(429, b'{"error": {}}', b"Retry-After: 1\r\n")
        elif kind == "500":
            self.reply(500, b'{"error": {}}')
        elif kind == "cut":
            self.transport.write(_head(200, len(sent)) + sent[: len(sent) // 2])
            self.transport.close()
        else:
            self.reply(200, sent)

    def reply(self, status: int, body: bytes, more: bytes = b"") -> None:
        self.transport.write(_head(status, len(body), more) + body)


def _head(status: int, length: int, more: bytes = b"") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n".encode()
        + (more + b"\r\n")
    )


async def serve(faults: bool) -> None:
    Server.faults = faults
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def bare(url: str, bodies: list[bytes], *, shared: bool) -> None:
    """Post every body, so many at once, and read the answers.

    ``shared``: with one client for all. Its pool looks at every connection, for every connection, in each request.
    """
    waiting = iter(bodies)
    context = httpx.create_ssl_context()
    clients = [httpx.AsyncClient(timeout=60, verify=context) for _ in range(1 if shared else CONCURRENCY)]

    async def worker(client: httpx.AsyncClient) -> None:
        for body in waiting:
            answer = await client.post(
                f"{url}/chat/completions", content=body, headers={"Content-Type": "application/json"}
            )
            answer.json()

    await asyncio.gather(*(worker(clients[index % len(clients)]) for index in range(CONCURRENCY)))
    for client in clients:
        await client.aclose()


def main() -> None:
    if "--serve" in sys.argv:
        asyncio.run(serve("--faults" in sys.argv))
        return
    if "--seed" in sys.argv:
        with Workspace.open(Path(sys.argv[-1])) as workspace:
            steps.seed_responses(workspace)
        return
    faults = "--faults" in sys.argv
    count = next((int(word) for word in sys.argv[1:] if word.isdigit()), 3000)
    command = [sys.executable, "-m", "bench.seed", "--serve"]
    with subprocess.Popen(
        [*command, "--faults"] if faults else command, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            measure(f"http://127.0.0.1:{int(server.stdout.readline())}/v1", count, faults=faults)
        finally:
            server.kill()


def measure(url: str, count: int, *, faults: bool) -> None:
    if not faults:
        bare_rate, bare_ms = measure_bare(url, count)
    os.environ["BENCH_KEY"] = "sk-bench"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workspace"
        fill(path, url, count, faults=faults)
        at_kill = kill_half_way(path, url, count) if faults else {}
        with Workspace.open(path) as workspace:
            stored = states(workspace)[RequestState.DONE]
            before, begun = processor(), time.monotonic()
            seeded = steps.seed_responses(workspace)
            seconds, used = time.monotonic() - begun, processor() - before
            ended = states(workspace)
    (run,) = seeded.judges
    rate, ms = run.requests / seconds, used / run.requests * 1000
    print(
        f"seed: {rate:.1f} requests/s ({rate / (CONCURRENCY / SECONDS):.0%} of {CONCURRENCY / SECONDS:.0f})"
    )
    print(f"seed: {ms:.3f} ms of processor a request")
    if not faults:
        print(
            f"seed / bare httpx: {rate / bare_rate:.2f} of the rate, {ms / bare_ms:.2f} times the processor"
        )
    print(f"{run.tokens_per_response or 0:.0f} tokens a rated response, {run.rated:,} rated")
    print(f"failed {run.failed:,}, unanswered {run.unanswered:,}, requests {run.requests:,} of {count:,}")
    if faults:
        tell_of_faults(at_kill, stored, served(url), ended, count)
    print(f"load {os.getloadavg()[0]:.1f}")


def measure_bare(url: str, count: int) -> tuple[float, float]:
    """Return requests per second and milliseconds of processor a request of bare httpx, a client for each worker."""
    messages = [{"role": "system", "content": "x" * 1900}, {"role": "user", "content": "0 0 " + "y" * 1700}]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    for shared in (True, False):
        bodies = [body] * (count // 4 if shared else count)
        before, begun = processor(), time.monotonic()
        asyncio.run(bare(url, bodies, shared=shared))
        seconds, used = time.monotonic() - begun, processor() - before
        rate, ms = len(bodies) / seconds, used / len(bodies) * 1000
        name = "one client" if shared else "a client for each of 64"
        print(f"bare httpx, {name}: {rate:.1f} requests/s, {ms:.3f} ms of processor a request")
    return rate, ms


def fill(path: Path, url: str, count: int, *, faults: bool) -> None:
    """Make a workspace of ``count`` shared conversations of three responses each, whose judge is the stand-in."""
    rng = random.Random(1)

    def conversation(number: int) -> Conversation:
        messages = []
        for turn in range(6):
            text = f"{number} {turn} " + " ".join(rng.choices(WORDS, k=60 if turn % 2 else 20))
            role = Role.ASSISTANT if turn % 2 else Role.USER
            parent = f"c{number}#{turn - 1}" if turn else None
            messages.append(Message(f"c{number}#{turn}", parent, role, text))
        return Conversation(f"c{number}", tuple(messages), source="bench")

    llm = {
        "base_url": url,
        "model": "m",
        "api_key_env": "BENCH_KEY",
        "concurrency": CONCURRENCY,
        "timeout_seconds": 3.0 if faults else 60.0,
        "canaries": 0.0,
        "max_attempts": 5,
    }
    now = datetime.now(UTC)
    with Workspace.create(
        path, json.dumps({"version": 1, "platforms": {"argilla": {}}, "llm": llm})
    ) as workspace:
        for start in range(0, count, 1000):
            chunk = [conversation(number) for number in range(start, min(start + 1000, count))]
            workspace.collection.append(chunk, now=now - timedelta(days=2), delay=timedelta(0))


def kill_half_way(path: Path, url: str, count: int) -> dict[str, list[str]]:
    """Run ``seed`` in a process of its own, kill it once half of the requests were answered; return what was served."""
    with subprocess.Popen([sys.executable, "-m", "bench.seed", "--seed", str(path)]) as process:
        while len(served(url)) < count // 2:
            time.sleep(0.1)
            assert process.poll() is None, "it ended before it could be killed"
        process.kill()
    time.sleep(2 * SECONDS)  # what was sent is answered by then
    return served(url)


def served(url: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = httpx.get(url.removesuffix("/v1") + "/served").json()
    return found


def states(workspace: Workspace) -> Counter[RequestState]:
    with workspace.store.read() as connection:
        return Counter(count_requests(connection))


def tell_of_faults(
    at_kill: dict[str, list[str]],
    stored: int,
    at_end: dict[str, list[str]],
    ended: Counter[RequestState],
    count: int,
) -> None:
    """Print and check in what states requests ended, and which were sent after a success."""
    good = sum("good" in each for each in at_kill.values())
    lost = good - stored
    twice = [each for each in at_end.values() if "good" in each[:-1]]
    met = Counter(kind for each in at_end.values() for kind in each)
    print(
        f"killed after {good:,} good answers: {stored:,} stored, {lost:,} lost (at most {2 * CONCURRENCY} in flight)"
    )
    print(f"sent after a success: {len(twice):,}, all of them lost by the kill")
    print(f"states: { ({state.value: number for state, number in ended.items()}) }; answers: {dict(met)}")
    assert 0 <= lost <= 2 * CONCURRENCY
    assert len(twice) == lost
    assert all(each.count("good") == 2 and each[-1] == "good" for each in twice)
    assert ended.total() == len(at_end) == count
    assert set(ended) <= {RequestState.DONE, RequestState.UNUSABLE, RequestState.UNANSWERED}
    assert ended[RequestState.DONE] == sum("good" in each for each in at_end.values())


if __name__ == "__main__":
    main()
