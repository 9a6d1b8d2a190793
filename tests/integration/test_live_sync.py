"""Live sync between real servers and a watcher, through proxies that go wrong in every way we know of.

1,000 answers in 20 scripts: people answer and change their answers while requests fail, pages are cut off or come
twice, events are lost, doubled, reordered and replayed, and the server goes away. When all is well again every answer
is stored exactly once with its last revision, and points are those of a workspace that saw nothing of it.

With CHATFEEDBACK_TEST_FAULTS=N the scripts have N times as many answers, and other seeds in every run.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from chatfeedback import steps
from reward_engine import problems, totals
from tests.fault_proxy import EVENT_FAULTS, REST_FAULTS, EventProxy, FaultProxy, Script
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla.form import given
from workspaces.platforms.argilla.session import sign_in
from workspaces.platforms.label_studio.session import LabelStudioSession
from workspaces.servers.managed import free_port
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import containers, places_in
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer
    from workspaces.records import PlacedTask

pytestmark = pytest.mark.servers

TIMES = int(os.environ.get("CHATFEEDBACK_TEST_FAULTS", "1"))
SEEDS = [random.randrange(10**6) for _ in range(20)] if TIMES > 1 else list(range(20))
PEOPLE = [f"person{n}@example.org" for n in range(5)]
PASSWORD = SecretStr("long-enough-to-be-good")
FORM = Form.of(kind_of("qualitative"))
TASKS_OF_A_SCRIPT = 10 * TIMES
BY_HAND = 4
"""Answers of a script that a person gives, so that Argilla sends events; the rest is written by the lead."""

RECOVERY_SECONDS = 90.0

Expected = dict[tuple[str, str], tuple[str, dict[str, str]]]
"""The status and values that an answer has in the end, by (person, task)."""


class Watcher(threading.Thread):
    """A watcher in a thread of its own; what it says is kept."""

    def __init__(self, folder: Path, port: int, address: str, every: float = 20.0) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._options = {"port": port, "address": address, "every": every}
        self._ends = threading.Event()
        self.rounds: list[steps.Round] = []
        self.error: BaseException | None = None
        self.is_ready = threading.Event()

    def run(self) -> None:
        """Watch until told to end: what is said is waited for, so the last round may be idle."""
        try:
            with (
                Workspace.open(self._folder) as opened,
                closing(steps.watch(opened, **self._options)) as rounds,  # type: ignore[arg-type]
            ):
                for made in rounds:
                    self.rounds.append(made)
                    self.is_ready.set()
                    if self._ends.is_set():
                        return
        except BaseException as error:
            self.error = error
            self.is_ready.set()

    def end(self, nudge: Callable[[], None]) -> None:
        """End after the next round, which ``nudge`` brings about."""
        self._ends.set()
        nudge()
        self.join(60)
        assert not self.is_alive()
        assert self.error is None


def stored(workspace: Workspace, platform: str) -> Expected:
    """Return the answers in force; each is stored once."""
    with workspace.store.read() as connection:
        found = [it for it in latest_annotations(connection) if it.platform == platform]
        assert problems(connection) == []
    answers = {(it.person_id, it.task_id): (it.status.value, dict(it.values)) for it in found}
    assert len(answers) == len(found)
    return answers


def wait_until(is_so: Callable[[], bool], seconds: float = RECOVERY_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def points(workspace: Workspace) -> dict[str, int]:
    with workspace.store.read() as connection:
        return dict(totals(connection))


def make(folder: Path, configuration: str, tasks: int) -> Workspace:
    """Make a workspace whose tasks stand on its platform, with its people."""
    workspace = Workspace.create(folder, configuration)
    logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(tasks)]
    workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    steps.push_tasks(workspace)
    steps.invite_people(workspace, dict.fromkeys(PEOPLE, PASSWORD))
    return workspace


def places(workspace: Workspace, platform: str) -> list[PlacedTask]:
    with workspace.store.read() as connection:
        (box,) = containers(connection, platform)
        return places_in(connection, box, platform)


def reference(copy: Path) -> tuple[Expected, dict[str, int], str]:
    """Return what a workspace has that saw the platform once, at the end."""
    with Workspace.open(copy) as untouched:
        steps.sync_answers(untouched)
        steps.settle_answers(untouched)
        (name,) = untouched.config.platforms.names()
        return stored(untouched, name), points(untouched), name


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workspaces.platforms.base.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("chatfeedback.steps.watched.LONGEST_BACKOFF_SECONDS", 1.0)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_a_thousand_answers_through_every_fault_are_stored_once_as_they_were_said_last(
    argilla_server: TestServer, tmp_path: Path, stack: ExitStack, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    print("seeds:", *SEEDS)
    monkeypatch.setenv("TEST_LIVE_KEY", argilla_server.api_key.get_secret_value())
    rest = stack.enter_context(FaultProxy(argilla_server.url))
    port = free_port()
    events = stack.enter_context(EventProxy(f"http://127.0.0.1:{port}"))
    name = f"live-{secrets.token_hex(3)}"
    configuration = (
        f"version: 1\nplatforms: {{argilla: {{url: {rest.url}, api_key_env: TEST_LIVE_KEY, workspace: {name}}}}}\n"
        f"mix: {{kinds: {{qualitative: 1}}, overlap: {len(PEOPLE)}}}\n"
    )
    workspace = stack.enter_context(make(tmp_path / "w", configuration, len(SEEDS) * TASKS_OF_A_SCRIPT))
    shutil.copytree(workspace.path, tmp_path / "copy")
    api = f"{argilla_server.url}/api/v1"
    key = {"X-Argilla-Api-Key": argilla_server.api_key.get_secret_value()}
    lead = stack.enter_context(closing(httpx.Client(base_url=api, headers=key, timeout=120)))
    accounts = {user["username"]: user["id"] for user in lead.get("/users").json()["items"]}
    person_of = {email: workspace.pseudonyms.on_platform("argilla")(email) for email in PEOPLE}
    by_hand = stack.enter_context(closing(sign_in(argilla_server.url, PEOPLE[0], PASSWORD)))
    tasks = places(workspace, "argilla")
    expected: Expected = {}

    def write(some: list[PlacedTask], rng: random.Random, people: list[str]) -> None:
        """Answer tasks for people, or change their answers, in one request, as the lead can."""
        items = []
        for place in some:
            responses = []
            for email in people:
                values = {quality: rng.choice(["yes", "no"]) for quality in ALL_TAGS}
                status = "discarded" if rng.random() < 0.05 else "submitted"
                expected[person_of[email], place.task_id] = (status, values)
                said = {question: {"value": value} for question, value in given(FORM, values).items()}
                responses.append({"user_id": accounts[email], "status": status, "values": said})
            items.append({"id": place.remote_id, "responses": responses})
        lead.put(f"/datasets/{some[0].container_id}/records/bulk", json={"items": items}).raise_for_status()

    def answer_by_hand(some: list[PlacedTask], rng: random.Random) -> None:
        """Answer tasks as a person does, in one request: Argilla sends an event of each."""
        items = []
        for place in some:
            values = {quality: rng.choice(["yes", "no"]) for quality in ALL_TAGS}
            expected[person_of[PEOPLE[0]], place.task_id] = ("submitted", values)
            said = {question: {"value": value} for question, value in given(FORM, values).items()}
            items.append({"record_id": place.remote_id, "status": "submitted", "values": said})
        by_hand.post("/api/v1/me/responses/bulk", json={"items": items}).raise_for_status()

    watcher = Watcher(workspace.path, port, events.url)
    watcher.start()
    assert watcher.is_ready.wait(60)
    begun = time.monotonic()
    happened: Counter[str] = Counter()
    try:
        for number, seed in enumerate(SEEDS):
            rng = random.Random(seed)
            mine = tasks[number * TASKS_OF_A_SCRIPT : (number + 1) * TASKS_OF_A_SCRIPT]
            faults = tuple(rng.sample(REST_FAULTS, 3)) if number % 4 else REST_FAULTS
            rest.script = Script(seed, rng.uniform(0.2, 0.6), faults)
            events.script = Script(seed, 0.9, tuple(rng.sample(EVENT_FAULTS, 2)))
            rest.is_down = number % 5 == 4
            # events come all the time, or rest while answers come one after the other
            quiet_after = 0.0 if number < len(SEEDS) / 2 else 3.0
            monkeypatch.setattr("chatfeedback.steps.watched.QUIET_AFTER_SECONDS", quiet_after)
            answer_by_hand(mine[:BY_HAND], rng)
            write(mine[:BY_HAND], rng, PEOPLE[1:])
            write(mine[BY_HAND:], rng, PEOPLE)
            if number:
                write(rng.sample(tasks[: number * TASKS_OF_A_SCRIPT], 5), rng, rng.sample(PEOPLE, 2))
            time.sleep(rng.uniform(0.2, 0.4))
            rest.is_down = False
            happened.update(rest.script.happened)
            happened.update(f"event: {fault}" for fault in events.script.happened)
        rest.script, events.script = Script(0), Script(0)
        print(f"scripts took {time.monotonic() - begun:.1f} s; {dict(happened)}")
        begun = time.monotonic()
        assert wait_until(lambda: stored(workspace, "argilla") == expected), _missing(workspace, expected)
        print(f"recovered after {time.monotonic() - begun:.1f} s")
    finally:
        before = len(watcher.rounds)
        watcher.end(lambda: write(tasks[:1], random.Random(1), PEOPLE[:1]))
    assert len(watcher.rounds) > before
    steps.sync_answers(workspace)
    steps.settle_answers(workspace)
    wanted, wanted_points, _ = reference(tmp_path / "copy")
    assert len(wanted) >= 1_000 * TIMES
    assert wanted == stored(workspace, "argilla") == expected
    assert points(workspace) == wanted_points
    hooks = lead.get("/webhooks").json()["items"]
    assert not [hook for hook in hooks if workspace.id in hook["url"]]
    assert not [status for status in events.statuses if status >= 500 and status != 502]


def _missing(workspace: Workspace, expected: Expected) -> str:
    there = stored(workspace, "argilla")
    missing = [key for key in expected if key not in there]
    other = [key for key in expected if key in there and there[key] != expected[key]]
    return f"{len(missing)} missing, {len(other)} with another revision, of {len(expected)}"


def test_label_studio_through_faults(
    label_studio_server: TestServer,
    tmp_path: Path,
    stack: ExitStack,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_LIVE_KEY", label_studio_server.api_key.get_secret_value())
    rest = stack.enter_context(FaultProxy(label_studio_server.url))
    port = free_port()
    configuration = (
        f"version: 1\nplatforms: {{label_studio: {{url: {rest.url}, api_key_env: TEST_LIVE_KEY}}}}\n"
        "mix: {kinds: {qualitative: 1}, overlap: 2}\n"
    )
    workspace = stack.enter_context(make(tmp_path / "w", configuration, 6 * TIMES))
    shutil.copytree(workspace.path, tmp_path / "copy")
    (box,) = {place.container_id for place in places(workspace, "label_studio")}
    watcher = Watcher(workspace.path, port, f"http://127.0.0.1:{port}")
    watcher.start()
    assert watcher.is_ready.wait(60)
    assert watcher.rounds[0].watched == {"label_studio": steps.Way.ASKED}  # its guard refuses our address
    with workspace.platform("label_studio") as platform:
        kept_away = steps.events_kept_away(workspace, platform)
    assert kept_away is not None
    assert "SSRF_PROTECTION_ENABLED" in kept_away.detail
    given_answers = 0
    for number, email in enumerate(PEOPLE[:2]):
        session = stack.enter_context(closing(LabelStudioSession(label_studio_server.url, email, PASSWORD)))
        rest.script = Script(SEEDS[number], 0.4, REST_FAULTS)
        for place in session.open_tasks(box, 6 * TIMES):
            session.submit(place, FORM, ALL_TAGS, 5.0)
            given_answers += 1
        rest.is_down = True
        time.sleep(0.5)
        rest.is_down = False
    rest.script = Script(0)
    assert given_answers == 12 * TIMES
    assert wait_until(lambda: len(stored(workspace, "label_studio")) == given_answers)
    assert wait_until(lambda: sum(points(workspace).values()) > 0)
    steps.settle_answers(workspace)
    wanted, wanted_points, _ = reference(tmp_path / "copy")
    assert wanted == stored(workspace, "label_studio")
    assert points(workspace) == wanted_points
    rest.is_down = True  # the next round is a failure, and so the last
    watcher.end(lambda: None)
