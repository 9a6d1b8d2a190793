"""Measure how long it takes from a submission on a real platform until its points are in the wallet, and on the page.

    uv run python bench/live.py argilla [--answers 200] [--people 5] [--no-events]

Starts a server of its own, and 'chatfeedback sync --watch' as people start it. The people submit all at once, each as
quickly as the server answers. A submission counts from the moment when the server acknowledged it (and, in the second
figure, from when it was sent) until another process reads its points in the ledger; in the third, until the open page
of its person has fetched them after an event (SSE) told it to, as the page's script does. With --no-events the platform
sends none, and the watcher asks every second.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import sqlalchemy as sa
from pydantic import SecretStr

from chatfeedback import steps
from chatfeedback.web import running
from reward_engine import totals
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.registry import PLATFORMS
from workspaces.store.settlements import settlement
from workspaces.store.tasks import containers
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from workspaces.servers import ManagedServer

FORM = Form.of(kind_of("qualitative"))
PASSWORD = SecretStr("long-enough-to-be-good")


WITHOUT_EVENTS = """
from chatfeedback.steps import watched
watched.Watched._hook = lambda *_: None
from chatfeedback.__main__ import main
main()
"""


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that so large a share of the values does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--no-events", action="store_true")
    options = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores what ends the watcher
    each = options.answers // options.people
    configuration = (
        f"version: 1\nplatforms: {{{options.platform}: {{}}}}\n"
        f"mix: {{kinds: {{qualitative: 1}}, overlap: {options.people}}}\n"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w", configuration) as workspace,
    ):
        logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(each)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        (server,) = workspace.servers().values()
        server.start(lambda _: None)
        try:
            _measure(workspace, server, options, each)
        finally:
            server.stop()


def processor_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Return the processor time of processes so far, that of their ended children included, by name."""
    used = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        trees = [process, *process.children(recursive=True)]
        used[name] = sum(sum(each.cpu_times()[:4]) for each in trees)
    return used


def signed_in(address: str, token: str) -> httpx.Client:
    """Return a client in which a person is signed in by a link."""
    client = httpx.Client(base_url=address, timeout=60)
    csrf = client.get(f"/link/{token}").text.partition('name="csrf" value="')[2][:64]
    assert client.post(f"/link/{token}", data={"csrf": csrf}).status_code == httpx.codes.SEE_OTHER
    return client


def _measure(workspace: Workspace, server: ManagedServer, options: argparse.Namespace, each: int) -> None:
    platform, people = options.platform, options.people
    steps.push_tasks(workspace)
    emails = [f"person{n}@example.org" for n in range(people)]
    steps.invite_people(workspace, dict.fromkeys(emails, PASSWORD))
    with workspace.store.read() as connection:
        (container,) = containers(connection, platform)
    url = workspace.address(platform)
    arguments = ["sync", "--watch", "--workspace", str(workspace.path)]
    command = [sys.executable, "-m", "chatfeedback", *arguments]
    if options.no_events:
        command = [sys.executable, "-c", WITHOUT_EVENTS, *arguments]
    address = running.start_page(workspace)
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sent: dict[tuple[str, str], tuple[float, float]] = {}
    paid: dict[tuple[str, str], float] = {}
    shown: dict[tuple[str, str], float] = {}
    ends = threading.Event()

    def in_ledger() -> list[tuple[str, str]]:
        query = sa.select(settlement.c.person_id, settlement.c.task_id)
        with workspace.store.read() as connection:
            return [(person, task) for person, task in connection.execute(query)]

    def read_wallets() -> None:
        while not ends.is_set():
            for each in in_ledger():
                paid.setdefault(each, time.monotonic())
            time.sleep(0.02)

    def look(client: httpx.Client, person: str) -> None:
        """Keep a person's page open: what the ledger has before the page fetches the points is shown after it."""
        with suppress(httpx.HTTPError), client.stream("GET", "/me/events", timeout=None) as events:
            for line in events.iter_lines():
                if line != "event: points":
                    continue
                there = [each for each in in_ledger() if each[0] == person]
                client.get("/me/points").raise_for_status()
                for each in there:
                    shown.setdefault(each, time.monotonic())

    def work(email: str) -> None:
        person = workspace.pseudonyms.on_platform(platform)(email)
        with closing(PLATFORMS[platform].sign_in(url, email, PASSWORD)) as session:
            for task in session.open_tasks(container, each):
                begun = time.monotonic()
                session.submit(task, FORM, ALL_TAGS, 5.0)
                sent[person, task.task_id] = (begun, time.monotonic())

    assert watcher.stdout is not None
    print(watcher.stdout.readline().strip())  # everything was read once
    found = running._running(workspace.path)
    assert found is not None
    pids = {**server.status().processes, "watcher": watcher.pid, "page": found[1].pid}
    for email in emails:
        person = workspace.pseudonyms.on_platform(platform)(email)
        client = signed_in(address, steps.make_sign_in_link(workspace, person, timedelta(hours=1)))
        threading.Thread(target=look, args=(client, person), daemon=True).start()
    before = processor_seconds(pids)
    reader = threading.Thread(target=read_wallets)
    reader.start()
    threads = [threading.Thread(target=work, args=(email,)) for email in emails]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lasted = time.monotonic() - begun
    while time.monotonic() - begun < 180 and min(len(paid), len(shown)) < len(sent):
        time.sleep(0.1)
    ends.set()
    reader.join()
    used = processor_seconds(pids)
    running.stop_page(workspace.path)
    watcher.send_signal(signal.SIGINT)
    said, _ = watcher.communicate(timeout=30)
    waits = [paid[key] - end for key, (_, end) in sent.items() if key in paid]
    whole = [paid[key] - start for key, (start, _) in sent.items() if key in paid]
    on_page = [shown[key] - end for key, (_, end) in sent.items() if key in shown]
    with workspace.store.read() as connection:
        points = sum(totals(connection).values())
    print(
        f"{platform}: {len(sent)} submissions by {people} people in {lasted:.1f} s, {len(waits)} paid, "
        f"{len(on_page)} shown, {points} points"
    )
    for what, values in (
        ("acknowledged to wallet", waits),
        ("sent to wallet", whole),
        ("acknowledged to page", on_page),
    ):
        figures = ", ".join(
            f"p{share * 100:.0f} {percentile(values, share):.2f} s" for share in (0.5, 0.95, 1.0)
        )
        print(f"{what}: {figures}")
    print("processor: " + ", ".join(f"{name} {used[name] - before[name]:.1f} s" for name in pids))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"the watcher ended with {watcher.returncode}; it said:\n{said[-6000:]}")


if __name__ == "__main__":
    main()
