"""Real managed servers whose database is restored from an older copy, and lost: nobody's points are taken back.

Both platforms go through it at once: answered, copied, answered again, restored from the copy, made anew, answered.
A new Label Studio gives the numbers of the old one again.
"""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from reward_engine import totals
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.registry import PLATFORMS
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks, containers, places_in
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workspaces.records import PlacedTask
    from workspaces.servers import ManagedServer

pytestmark = pytest.mark.servers

TASKS = 8
OVERLAP = 2
FORM = Form.of(kind_of("qualitative"))
PASSWORD = SecretStr("long-enough-to-be-good")
DATABASES = {"argilla": "argilla.db", "label_studio": "label_studio.sqlite3"}
PEOPLE = ("ada@example.org", "bo@example.org", "cy@example.org")


class House:
    """A workspace with both servers of its own."""

    def __init__(self, workspace: Workspace, copies: Path) -> None:
        self.workspace = workspace
        self.copies = copies
        self.servers = workspace.servers()

    def on_both(self, do: Callable[[str, ManagedServer], object]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(do, self.servers, self.servers.values()))

    def start(self) -> None:
        self.on_both(lambda _, server: server.start(lambda _: None))

    def stop(self) -> None:
        self.on_both(lambda _, server: server.stop())

    def database(self, name: str) -> Path:
        return self.servers[name].folder / "home" / DATABASES[name]

    def copy(self) -> None:
        """Copy the databases while the servers run."""
        for name in self.servers:
            with (
                closing(sqlite3.connect(self.database(name))) as now,
                closing(sqlite3.connect(self.copies / name)) as copy,
            ):
                now.backup(copy)

    def restore(self) -> None:
        self.stop()
        for name in self.servers:
            for file in self.database(name).parent.glob(f"{DATABASES[name]}*"):
                file.unlink()
            shutil.copy(self.copies / name, self.database(name))
        self.start()

    def lose_everything(self) -> None:
        self.stop()
        for server in self.servers.values():
            shutil.rmtree(server.folder / "home")
        self.start()

    def run(self, *arguments: str) -> Any:
        ran = CliRunner().invoke(
            app, [*arguments, "--workspace", str(self.workspace.path), "--json"], catch_exceptions=False
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def invite(self) -> None:
        steps.invite_people(self.workspace, dict.fromkeys(PEOPLE, PASSWORD))

    def answer(self, email: str, most: int = TASKS) -> int:
        """Let a person answer what they are offered on both platforms; return how many answers that were."""
        given = 0
        for name, server in self.servers.items():
            with self.workspace.store.read() as connection:
                (container,) = containers(connection, name)
            session = PLATFORMS[name].sign_in(server.connection().url, email, PASSWORD)
            with closing(session):
                for task in session.open_tasks(container, most):
                    session.submit(task, FORM, ALL_TAGS, 5.0)
                    given += 1
        return given

    def points(self) -> dict[str, int]:
        steps.settle_answers(self.workspace)
        with self.workspace.store.read() as connection:
            return dict(totals(connection))

    def answers(self) -> set[tuple[str, str, str]]:
        with self.workspace.store.read() as connection:
            return set(standing(connection).answers)

    def places(self) -> dict[str, list[PlacedTask]]:
        with self.workspace.store.read() as connection:
            return {
                name: [
                    place
                    for box in containers(connection, name)
                    for place in places_in(connection, box, name)
                ]
                for name in self.servers
            }


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    configuration = (
        "version: 1\nplatforms: {argilla: {}, label_studio: {}}\n"
        f"mix: {{kinds: {{qualitative: 1}}, overlap: {OVERLAP}}}\n"
    )
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(TASKS)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        made = House(workspace, tmp_path)
        try:
            made.start()
            yield made
        finally:
            made.stop()
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def test_servers_that_were_restored_or_lost_take_nobodys_points_back(house: House) -> None:
    house.invite()
    assert house.run("push")["placed"]
    first = house.places()
    assert all(first.values())
    ada, bo, cy = PEOPLE
    assert house.answer(ada, most=2) == 4
    assert sum(counts["new"] for counts in house.run("sync").values()) == 4
    house.copy()
    assert house.answer(ada) + house.answer(bo, most=1) == TASKS - 4 + 2
    house.run("sync")
    paid, known = house.points(), house.answers()
    assert len(known) == TASKS + 2
    assert sum(paid.values()) > 0

    house.restore()
    restored = house.run("sync")
    assert sum(counts["lost"] for counts in restored.values()) == TASKS - 2
    assert all(counts["deleted"] == counts["disputed"] == 0 for counts in restored.values())
    assert (house.points(), house.answers()) == (paid, known)
    again = house.run("sync")
    assert all(counts["lost"] == counts["deleted"] == 0 for counts in again.values())

    house.lose_everything()
    for _ in range(2):
        failed = steps.sync_answers(house.workspace)
        assert all("chatfeedback push" in counts.failures[0] for counts in failed.values())
        assert all(counts.deleted == counts.disputed == 0 for counts in failed.values())
    assert (house.points(), house.answers()) == (paid, known)

    pushed = house.run("push")
    with house.workspace.store.read() as connection:
        tasks = all_tasks(connection)
        full = sum(count >= OVERLAP for count in standing(connection).by_task().values())
    assert sum(pushed["lost"].values()) == len(tasks) == TASKS
    assert sum(count for kinds in pushed["placed"].values() for count in kinds.values()) == TASKS - full
    now = house.places()
    assert sum(len(places) for places in now.values()) == TASKS - full
    numbers = {place.remote_id for place in first["label_studio"]}
    assert numbers & {place.remote_id for place in now["label_studio"]}, "numbers are given again"
    assert house.run("push") == {"placed": {}, "unshared": 0, "answered": full}
    empty = house.run("sync")
    assert all(counts["failures"] == [] for counts in empty.values())
    assert (house.points(), house.answers()) == (paid, known)

    house.invite()
    assert house.answer(cy) == TASKS - full
    synced = house.run("sync")
    assert sum(counts["new"] for counts in synced.values()) == TASKS - full
    assert known < house.answers()
    assert len(house.answers()) == len(known) + TASKS - full
    more = house.points()
    assert all(more[person] == points for person, points in paid.items())
    status, budget = house.run("status"), house.run("budget")
    wanted = TASKS * OVERLAP - len(house.answers())
    assert (status["answers_to_come"], budget["answers_to_come"]) == (wanted, wanted)
    assert house.run("tasks", "list", "--state", "answered")["total"] == TASKS - status["open_tasks"]
    assert house.run("tasks", "list", "--state", "waiting")["total"] == 0
