"""The gateway is killed while many answers are under way: points come back, and what was captured was answered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from chatfeedback import steps
from reward_engine.accounts import held_account, person_account
from reward_engine.holds import release_expired
from reward_engine.ledger import balance
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with
from tests.unit.chatfeedback.web.faulty_upstream import FaultyUpstream, upstream_at
from tests.unit.chatfeedback.web.test_gateway_faults import figures
from workspaces.servers.managed import free_port
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE, EACH, POINTS = 40, 5, 40
AT_ONCE = PEOPLE * EACH
"""So many spend at once, some of them the same points."""

LIMITS = httpx.Limits(max_connections=None)


def is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v1/models").status_code in (401, 429)
    except httpx.HTTPError:
        return False


def test_a_killed_gateway_leaves_no_hold_after_its_expiry_and_captures_what_it_answered(
    tmp_path: Path,
) -> None:
    upstream = FaultyUpstream(failing=0.2, stalling=0.05, words=8, pause=0.01)
    with upstream_at(upstream) as base_url:
        chat: dict[str, Any] = {
            "models": [{"model": "m", "base_url": base_url}],
            "requests_per_minute": 10_000,
            "at_once": 100,
            "stall_seconds": 1.0,
        }
        with chat_workspace(tmp_path / "w", chat=chat) as workspace:
            people = [person_with(workspace, f"p{number}", POINTS) for number in range(PEOPLE)]
            keys = [key_of(workspace, person_id) for person_id in people]
            port = free_port()
            server = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "chatfeedback",
                    "web",
                    "--port",
                    f"{port}",
                    "--workspace",
                    workspace.path,
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            address = f"http://127.0.0.1:{port}"
            while not is_up(address):
                assert server.poll() is None
                time.sleep(0.05)
            ended, seen = list[str](), Counter[str]()

            async def spend(http: httpx.AsyncClient, key: str) -> None:
                body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
                headers = {"Authorization": f"Bearer {key}"}
                with contextlib.suppress(httpx.HTTPError):  # it was killed
                    while True:
                        answer = await http.post("/v1/chat/completions", json=body, headers=headers)
                        seen[str(answer.status_code)] += 1
                        if answer.text.endswith("data: [DONE]\n\n"):
                            ended.append(key)
                            if len(ended) == AT_ONCE:
                                os.kill(server.pid, signal.SIGKILL)

            async def spend_all() -> None:
                async with httpx.AsyncClient(base_url=address, timeout=30, limits=LIMITS) as http:
                    await asyncio.gather(*(spend(http, key) for key in keys for _ in range(EACH)))

            asyncio.run(spend_all())
            server.wait()
            assert set(seen) <= {"200", "402", "502"}
            assert seen["502"] > 0
            outcomes, kept = figures(workspace)
            assert outcomes["captured"] == kept >= len(ended) >= AT_ONCE
            assert kept <= upstream.ended
            assert kept - len(ended) <= AT_ONCE  # captured, and killed before the last event was sent
            later = utc_now() + timedelta(minutes=workspace.config.spending.hold_minutes)
            with workspace.store.write() as connection:
                release_expired(connection, later)
            with workspace.store.read() as connection:
                assert {balance(connection, held_account(it)) for it in people} == {0}
                left = [balance(connection, person_account(it)) for it in people]
            assert min(left) >= 0
            assert PEOPLE * POINTS - sum(left) == 4 * kept
            assert figures(workspace)[0]["None"] == 0
            assert steps.verify_ledger(workspace).problems == ()
            assert sum(steps.collect_chats(workspace).outcomes.values()) == kept
            assert steps.collect_chats(workspace).outcomes == {}
