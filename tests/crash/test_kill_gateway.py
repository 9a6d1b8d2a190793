"""The gateway is killed while many answers are under way: points come back, and what was captured was answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
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

SPENDERS, POINTS = 8, 400


def is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v1/models").status_code in (401, 429)
    except httpx.HTTPError:
        return False


def test_a_killed_gateway_leaves_no_hold_after_its_expiry_and_captures_what_it_answered(
    tmp_path: Path,
) -> None:
    with upstream_at(FaultyUpstream(words=8, pause=0.01)) as base_url:
        chat: dict[str, Any] = {
            "models": [{"model": "m", "base_url": base_url}],
            "requests_per_minute": 10_000,
            "at_once": 100,
        }
        with chat_workspace(tmp_path / "w", chat=chat) as workspace:
            people = [person_with(workspace, f"p{number}", POINTS) for number in range(SPENDERS)]
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
            ended: list[str] = []

            def spend(key: str) -> None:
                body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
                headers = {"Authorization": f"Bearer {key}"}
                with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
                    while True:
                        try:
                            answer = http.post("/v1/chat/completions", json=body)
                        except httpx.HTTPError:
                            return
                        if answer.text.endswith("data: [DONE]\n\n"):
                            ended.append(key)

            threads = [threading.Thread(target=spend, args=(key,)) for key in keys]
            for thread in threads:
                thread.start()
            while len(ended) < SPENDERS * 2:
                time.sleep(0.01)
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            for thread in threads:
                thread.join(30)
            outcomes, kept = figures(workspace)
            assert outcomes["captured"] == kept >= len(ended)
            assert kept - len(ended) <= SPENDERS  # captured, and killed before the last event was sent
            later = utc_now() + timedelta(minutes=workspace.config.spending.hold_minutes)
            with workspace.store.write() as connection:
                release_expired(connection, later)
            with workspace.store.read() as connection:
                assert {balance(connection, held_account(it)) for it in people} == {0}
                left = [balance(connection, person_account(it)) for it in people]
            assert min(left) >= 0
            assert SPENDERS * POINTS - sum(left) == 4 * kept
            assert figures(workspace)[0]["None"] == 0
            assert steps.verify_ledger(workspace).problems == ()
            assert sum(steps.collect_chats(workspace).outcomes.values()) == kept
            assert steps.collect_chats(workspace).outcomes == {}
