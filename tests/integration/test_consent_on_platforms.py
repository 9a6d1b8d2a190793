"""What givers ask for, on a real Argilla and a real Label Studio: what is deleted is gone there, the rest stays."""

from __future__ import annotations

import gc
import json
import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from chatfeedback import steps
from reward_engine import problems
from reward_engine.accounts import person_account
from reward_engine.ledger import balances
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla import session as argilla_session
from workspaces.platforms.label_studio import session as label_studio_session
from workspaces.records import PlacedTask, Quality, SharingState
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks, containers, placement, task_ids_in
from workspaces.store.withdrawals import begin_push, withdrawal
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer
    from workspaces.records import Task

pytestmark = [
    pytest.mark.servers,
    # the Argilla SDK 2.8.0 says so when it is imported
    pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning"),
    # argilla_connection.Connection.close leaves the SDK's own client open
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

KEYS = {"argilla": "TEST_CONSENT_ARGILLA_KEY", "label_studio": "TEST_CONSENT_LABEL_STUDIO_KEY"}
PASSWORD = SecretStr("long-enough-to-be-good")
LOGS = 20
REWRITE = "An answer of my own, which nobody has given before."
SHOWN_AS = "Zebrella"
ANSWER = {quality.value: "yes" for quality in Quality} | {"suggestion": REWRITE}


@dataclass(slots=True)
class Bench:
    """A workspace with tasks on both servers."""

    workspace: Workspace
    servers: dict[str, TestServer]
    email: str

    def tasks(self, platform: str) -> list[Task]:
        """Return the tasks that stand on a platform, in order of their conversations."""
        with self.workspace.store.read() as connection:
            tasks = all_tasks(connection)
            placed = [
                tasks[task_id]
                for container in containers(connection, platform)
                for task_id in task_ids_in(connection, container, platform)
            ]
        return sorted(placed, key=lambda task: task.conversation_ids)

    def place(self, task_id: str) -> PlacedTask:
        """Return where a task stands."""
        with self.workspace.store.read() as connection:
            row = connection.execute(placement.select().where(placement.c.task_id == task_id)).one()
        return PlacedTask(task_id, row.remote_id, row.container_id)

    def stands(self, platform: str, place: PlacedTask) -> bool:
        """Ask the server itself."""
        server = self.servers[platform]
        if platform == "argilla":
            headers = {"X-Argilla-Api-Key": server.api_key.get_secret_value()}
            found = httpx.get(f"{server.url}/api/v1/records/{place.remote_id}", headers=headers)
        else:
            with label_studio_session.sign_in(server.url, server.admin_email, server.admin_password) as lead:
                found = lead.get(f"/api/tasks/{place.remote_id}/")
        assert found.status_code in (200, 404)
        return found.status_code == 200

    def answer(self, platform: str, places: list[PlacedTask]) -> None:
        """Let the annotator answer these tasks."""
        url = self.servers[platform].url
        if platform == "argilla":
            with closing(argilla_session.sign_in(url, self.email, PASSWORD)) as client:
                for place in places:
                    argilla_session.answer(client, place.remote_id, ANSWER)
            return
        with closing(label_studio_session.sign_in(url, self.email, PASSWORD)) as client:
            for place in places:
                form = Form.of(kind_of("qualitative"))
                label_studio_session.submit(client, place.remote_id, form, ANSWER, 9.0)

    def balance(self) -> int:
        """Return the annotator's points."""
        person = self.workspace.pseudonyms.find(self.email, ("argilla",))
        with self.workspace.store.read() as connection:
            assert problems(connection) == []
            return balances(connection).get(person_account(str(person)), 0)


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
    argilla_server: TestServer,
    label_studio_server: TestServer,
) -> Iterator[Bench]:
    """Tasks on both servers, and one annotator with an account on each."""
    folder = tmp_path_factory.mktemp("consent")
    servers = {"argilla": argilla_server, "label_studio": label_studio_server}
    configuration: dict[str, Any] = {
        "version": 1,
        "platforms": {
            name: {"url": server.url, "api_key_env": KEYS[name]} for name, server in servers.items()
        },
        "mix": {"kinds": {"qualitative": 1}},
    }
    configuration["platforms"]["argilla"]["workspace"] = f"consent-{secrets.token_hex(4)}"
    with (
        pytest.MonkeyPatch.context() as patch,
        Workspace.create(folder / "w", json.dumps(configuration)) as workspace,
    ):
        for name, server in servers.items():
            patch.setenv(KEYS[name], server.api_key.get_secret_value())
        write_logs(folder / "logs.jsonl")
        steps.ingest_file(workspace, folder / "logs.jsonl", publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        steps.push_tasks(workspace)
        email = f"ann-{secrets.token_hex(4)}@example.org"
        steps.invite_people(workspace, {email: PASSWORD})
        yield Bench(workspace, servers, email)
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def write_logs(path: Path) -> None:
    rows = [
        {
            "conversation_id": f"chat-{number:02}",
            "conversation": [
                {"role": "user", "content": f"What is zebra number {number}?"},
                {"role": "assistant", "content": response_of(f"chat-{number:02}")},
            ],
            "model_name": "m",
            "source": "test",
            "user_id": f"giver-{number % 2}",
        }
        for number in range(LOGS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_what_givers_ask_for_happens_on_both_platforms(bench: Bench) -> None:
    workspace = bench.workspace
    chosen = {name: bench.tasks(name)[:5] for name in bench.servers}
    places = {name: [bench.place(task.id) for task in tasks] for name, tasks in chosen.items()}
    for name in bench.servers:
        bench.answer(name, places[name][:2])
    assert sum(it.new for it in steps.sync_answers(workspace).values()) == 4
    steps.settle_answers(workspace)
    worth = [task.points for tasks in chosen.values() for task in tasks[:3]]
    assert bench.balance() == sum(points for index, points in enumerate(worth) if index % 3 < 2)

    # deleted: an answered and paid task, one answered but never synced, one that nobody answered
    for name in bench.servers:
        bench.answer(name, places[name][2:3])
    gone = [tasks[index].conversation_ids[0] for tasks in chosen.values() for index in (0, 2, 3)]
    (receipt,) = steps.delete_conversations(workspace, gone, by="giver")
    assert receipt["completed_at"]
    assert receipt["removed"]["platforms"] == {"argilla": 3, "label_studio": 3}
    for name in bench.servers:
        standing = [bench.stands(name, place) for place in places[name]]
        assert standing == [False, True, False, False, True], name
        with workspace.platform(name) as platform:
            platform.remove(places[name][:1])  # gone already: no error, and nothing else goes
            platform.remove([])
        assert all(bench.stands(name, bench.place(task.id)) for task in bench.tasks(name))
        assert len(bench.tasks(name)) > 2
    for _ in range(2):
        found = steps.sync_answers(workspace)
        assert [(it.new, it.changed, it.deleted) for it in found.values()] == [(0, 0, 0)] * 2
        steps.settle_answers(workspace)
        assert bench.balance() == sum(worth), (
            "the answer that was not fetched yet is paid, nothing is taken back"
        )
    with workspace.store.read() as connection:
        tasks, annotations = all_tasks(connection), latest_annotations(connection)
    texts = {
        it.values.get("suggestion") for it in annotations if "deleted" in tasks[it.task_id].message_ids[0]
    }
    assert len(texts) == 1
    assert REWRITE not in texts

    # private: off the platforms, and back when the giver thinks again; what was answered stays
    private = [tasks_[1].conversation_ids[0] for tasks_ in chosen.values()]
    changed = steps.change_sharing(workspace, private, SharingState.PRIVATE, by="giver")
    assert (changed.changed, changed.withdrawn) == (2, {"argilla": 1, "label_studio": 1})
    assert not any(bench.stands(name, places[name][1]) for name in bench.servers)
    assert steps.push_tasks(workspace).total == 0
    steps.change_sharing(workspace, private, SharingState.SHARED, by="giver")
    assert steps.push_tasks(workspace).total == 2
    for tasks_, name in zip(chosen.values(), bench.servers, strict=True):
        assert bench.stands(name, bench.place(tasks_[1].id))
    assert [it.deleted for it in steps.sync_answers(workspace).values()] == [0, 0]
    steps.settle_answers(workspace)
    assert bench.balance() == sum(worth)

    # forgotten: answers and account are gone, points stay with nobody's name
    person = steps.find_person(workspace, bench.email)
    steps.set_person(workspace, person, name=SHOWN_AS)
    steps.sync_answers(workspace)  # brings the name into the guidelines
    for name, server in bench.servers.items():
        assert files_with(server.server.folder, SHOWN_AS)
        bench.answer(name, places[name][4:5])
    receipt = steps.forget_person(workspace, person, by="giver")
    assert not any(files_with(server.server.folder, SHOWN_AS) for server in bench.servers.values())
    assert set(receipt["removed"]["accounts"].values()) == {"left to whoever runs that server"}
    assert workspace.pseudonyms.find(bench.email, tuple(bench.servers)) is None
    for name in bench.servers:
        with workspace.platform(name) as platform:
            assert platform.answers_to(places[name][4]) == []
            assert platform.close_account(lambda account: account.lower() == bench.email)
            assert not platform.close_account(lambda account: account.lower() == bench.email)
    assert [(it.new, it.deleted) for it in steps.sync_answers(workspace).values()] == [(0, 0)] * 2
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        assert balances(connection)[person_account(person)] == sum(worth)
        assert not any("suggestion" in it.values for it in latest_annotations(connection))


def test_a_killed_push_leaves_nothing_that_a_deletion_does_not_find(bench: Bench) -> None:
    workspace = bench.workspace
    tasks = [bench.tasks(name)[-1] for name in bench.servers]
    places = [bench.place(task.id) for task in tasks]
    with workspace.store.write() as connection:  # as if it was killed before it heard where they are
        begin_push(connection, [task.id for task in tasks])
        connection.execute(placement.delete().where(placement.c.task_id.in_([task.id for task in tasks])))
    (receipt,) = steps.delete_conversations(workspace, [it.conversation_ids[0] for it in tasks], by="lead")
    assert receipt["removed"]["platforms"] == {"argilla": 1, "label_studio": 1}
    for name, place in zip(bench.servers, places, strict=True):
        assert not bench.stands(name, place)
        assert all(bench.stands(name, bench.place(task.id)) for task in bench.tasks(name))
    with workspace.store.read() as connection:
        assert connection.execute(withdrawal.select()).all() == []
        assert not {task.id for task in tasks} & all_tasks(connection).keys()


def test_the_servers_own_files_hold_nothing_of_it(bench: Bench) -> None:
    for name, server in bench.servers.items():
        stays, goes = (bench.tasks(name)[index].conversation_ids[0] for index in (-1, -2))
        assert files_with(server.server.folder, response_of(stays)), "else this would prove nothing"
        assert files_with(server.server.folder, response_of(goes))
        steps.delete_conversations(bench.workspace, [goes], by="giver")
        assert files_with(server.server.folder, response_of(stays))
        assert files_with(server.server.folder, response_of(goes)) == []


def response_of(conversation_id: str) -> str:
    number = int(conversation_id.removeprefix("chat-"))
    return f"Zebra {number} is the one with {number + 7} stripes."


def files_with(folder: Path, text: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
