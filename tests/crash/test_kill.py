"""``kill -9`` at random moments of the real command, against real servers: nothing is lost, nothing doubled.

Each step runs once unharmed, from which its duration and its result are taken. A round starts from a copy of the
workspace as it was before the step, kills the command some times, runs it to its end and compares. Half of the
kills are spread over the duration of the unharmed run; the others come while the store is being written, the
moment that chance alone would seldom hit.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from chatfeedback import steps
from chatfeedback.steps.settle import SETTLE_BATCH
from reward_engine import problems
from reward_engine.ledger import balances
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla import session as argilla_session
from workspaces.platforms.label_studio import session as label_studio_session
from workspaces.privacy import create_key
from workspaces.records import Quality, Tag
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tables import metadata
from workspaces.store.tasks import all_tasks, containers, placement, task_ids_in
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers

ROUNDS = 2
"""Rounds of each step."""

KILLS_PER_ROUND = 2
"""Kills before a round is run to its end."""

SEED = 20261121
COPIES = 3
"""The MT-bench conversations are ingested so many times under other names, so that several batches are written."""

TASKS = 520
PEOPLE = 3
LABEL_STUDIO_ANSWERS = 20
"""Answers of each person there; it takes them one at a time."""

ARGILLA_KEY = "TEST_KILL_ARGILLA_KEY"
LABEL_STUDIO_KEY = "TEST_KILL_LABEL_STUDIO_KEY"
PASSWORD = SecretStr("long-enough-to-be-good")


@dataclass(slots=True)
class Unharmed:
    """Every step run once without harm: the workspace before each, how long it took, what came of it."""

    folder: Path
    servers: dict[str, TestServer]
    seconds: dict[str, float] = field(default_factory=dict)
    arguments: dict[str, list[str]] = field(default_factory=dict)

    def before(self, step: str) -> Path:
        """Return the workspace as it was before a step."""
        return self.folder / f"before-{step}"

    @property
    def after_all(self) -> Path:
        """Return the workspace after the last step."""
        return self.folder / "workspace"


def environment() -> dict[str, str]:
    """Return ours, with compiled modules kept: the commands here import the same ones again and again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def command(arguments: list[str], folder: Path) -> list[str]:
    return [sys.executable, "-m", "chatfeedback", *arguments, "--workspace", str(folder)]


def run(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        command(arguments, folder), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def kill_after(arguments: list[str], folder: Path, seconds: float) -> bool:
    """Start a command and kill it after so many seconds; return whether it was still running."""
    process = subprocess.Popen(
        command(arguments, folder),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def kill_while_writing(arguments: list[str], folder: Path, seconds: float) -> bool:
    """Start a command and kill it ``seconds`` after it begins to write the store, if it is still running."""
    process = subprocess.Popen(
        command(arguments, folder),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journals = [folder / f"chatfeedback.db-{kind}" for kind in ("journal", "wal")]
    old = {journal for journal in journals if journal.exists()}
    while process.poll() is None and not any(it.exists() for it in journals if it not in old):
        time.sleep(0.0003)
    time.sleep(seconds)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def configure(folder: Path, servers: dict[str, TestServer], argilla_workspace: str) -> None:
    configuration = {
        "version": 1,
        "platforms": {
            "argilla": {
                "url": servers["argilla"].url,
                "api_key_env": ARGILLA_KEY,
                "workspace": argilla_workspace,
            },
            "label_studio": {"url": servers["label_studio"].url, "api_key_env": LABEL_STUDIO_KEY},
        },
        "mix": {"kinds": {"preference": 5, "qualitative": 1}, "limit": TASKS, "overlap": PEOPLE},
    }
    (folder / "chatfeedback.yaml").write_text(json.dumps(configuration), encoding="utf-8")


@pytest.fixture(scope="module")
def unharmed(
    tmp_path_factory: pytest.TempPathFactory,
    mt_bench: Path,
    argilla_server: TestServer,
    label_studio_server: TestServer,
) -> Iterator[Unharmed]:
    """Run every step once, by its command."""
    folder = tmp_path_factory.mktemp("kill")
    servers = {"argilla": argilla_server, "label_studio": label_studio_server}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ARGILLA_KEY, argilla_server.api_key.get_secret_value())
        patch.setenv(LABEL_STUDIO_KEY, label_studio_server.api_key.get_secret_value())
        made = Unharmed(folder, servers)
        logs = many_conversations(mt_bench, folder)
        made.arguments = {"ingest": ["ingest", "--publish", str(logs)]}
        made.arguments |= {step: [step] for step in ("seed", "generate", "push", "sync", "settle")}
        made.after_all.mkdir()
        configure(made.after_all, servers, f"kill-{secrets.token_hex(4)}")
        run(["init"], made.after_all)
        for step, arguments in made.arguments.items():
            shutil.copytree(made.after_all, made.before(step))
            started = time.monotonic()
            run(arguments, made.after_all)
            made.seconds[step] = time.monotonic() - started
            if step == "push":
                answer(made)
        print(f"\nunharmed: {', '.join(f'{name} {s:.1f} s' for name, s in made.seconds.items())}")
        yield made


def many_conversations(mt_bench: Path, folder: Path) -> Path:
    """Write the MT-bench conversations some times over; the copies differ in name and in their first prompt."""
    logs = folder / "conversations.jsonl"
    lines = (mt_bench / "conversations.jsonl").read_text(encoding="utf-8").splitlines()
    with logs.open("w", encoding="utf-8") as file:
        for copy in range(COPIES):
            for line in lines:
                row = json.loads(line)
                row["conversation_id"] += f"-{copy}"
                row["conversation"][0]["content"] += f" ({copy})"
                file.write(json.dumps(row) + "\n")
    return logs


def answer(made: Unharmed) -> None:
    """Let people answer on both platforms: submitted, discarded and drafts, some answers changed later."""
    with Workspace.open(made.after_all) as workspace, ThreadPoolExecutor(PEOPLE) as pool:
        emails = [f"kill-{number}-{workspace.id}@example.org" for number in range(PEOPLE)]

        def visit(email: str) -> None:
            for visit_platform, name in ((visit_argilla, "argilla"), (visit_label_studio, "label_studio")):
                with workspace.platform(name) as platform:
                    platform.invite(email, PASSWORD)
                steps.admit_people(workspace, name, [email])
                visit_platform(workspace, made.servers[name].url, email)

        list(pool.map(visit, emails))


def values_for(kind: str, chance: random.Random) -> dict[str, str]:
    if kind == "preference":
        return {"preference": chance.choice(["a", "tie", "b"])}
    tags = {quality.value: chance.choice(list(Tag)).value for quality in Quality}
    return tags | (
        {"suggestion": "A much better answer than the model gave."} if chance.random() < 0.5 else {}
    )


def visit_argilla(workspace: Workspace, url: str, email: str) -> None:
    chance = random.Random(email.split("-")[1])
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        placed = [task_ids_in(connection, it, "argilla") for it in containers(connection, "argilla")]
    with closing(argilla_session.sign_in(url, email, PASSWORD)) as client:
        items = [
            {
                "record_id": remote_id,
                "status": chance.choices(["submitted", "discarded", "draft"], [8, 1, 1])[0],
                "values": {
                    name: {"value": value} for name, value in values_for(tasks[task_id].kind, chance).items()
                },
            }
            for standing in placed
            for task_id, remote_id in sorted(standing.items())
        ]
        for start in range(0, len(items), 100):
            body = {"items": items[start : start + 100]}
            done = client.post("/api/v1/me/responses/bulk", json=body).raise_for_status().json()
            assert not any(item["error"] for item in done["items"])


def visit_label_studio(workspace: Workspace, url: str, email: str) -> None:
    chance = random.Random(email.split("-")[1])
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        projects = containers(connection, "label_studio")
    with closing(label_studio_session.sign_in(url, email, PASSWORD)) as client:
        for number in range(LABEL_STUDIO_ANSWERS):
            place = label_studio_session.next_task(client, projects[number % len(projects)])
            assert place is not None
            kind = tasks[place.task_id].kind
            label_studio_session.submit(
                client, place.remote_id, Form.of(kind_of(kind)), values_for(kind, chance), 9.0
            )


def strike(
    made: Unharmed,
    step: str,
    tmp_path: Path,
    check: Callable[[Path], None],
    prepare: Callable[[Path], None] = lambda _: None,
) -> None:
    """Kill a step in every round, run it to its end and check what came of it; print how it went."""
    chance = random.Random(f"{SEED} {step}")
    kills = ROUNDS * KILLS_PER_ROUND
    by_clock = kills // 2
    plan = [
        (kill_after, made.seconds[step] * (number + chance.random()) / by_clock) for number in range(by_clock)
    ]
    plan += [(kill_while_writing, chance.random() ** 2 * 0.2) for _ in range(kills - by_clock)]
    chance.shuffle(plan)

    def one_round(number: int) -> list[bool]:
        folder = tmp_path / f"{step}-{number}"
        shutil.copytree(made.before(step), folder)
        prepare(folder)
        struck = [
            kill(made.arguments[step], folder, seconds)
            for kill, seconds in plan[number * KILLS_PER_ROUND : (number + 1) * KILLS_PER_ROUND]
        ]
        run(made.arguments[step], folder)
        check(folder)
        return struck

    with ThreadPoolExecutor(ROUNDS) as pool:
        struck = [hit for hits in pool.map(one_round, range(ROUNDS)) for hit in hits]
    print(f"\n{step}: {ROUNDS} rounds, {kills} kills, {sum(struck)} of them struck a running command")
    assert sum(struck) >= kills // 3, "too few kills struck a running command to prove anything"


def dump(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in metadata.sorted_tables
        }


def without_times(folder: Path, table: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table without the columns that say when a row was written."""
    columns = [column for column in metadata.tables[table].c if column.name not in ("created_at", "added_at")]
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        query = metadata.tables[table].select().with_only_columns(*columns)
        return sorted((tuple(row) for row in connection.execute(query)), key=repr)


def test_a_killed_ingest_loses_and_doubles_no_conversation(unharmed: Unharmed, tmp_path: Path) -> None:
    with Workspace.open(unharmed.after_all) as workspace:
        expected = {it.id: it for it in workspace.collection.scan()}
    assert len(expected) == 465 * COPIES

    def check(folder: Path) -> None:
        with Workspace.open(folder) as workspace:
            workspace.collection.share_due(utc_now())  # as the next command would
            found = list(workspace.collection.scan())
            with workspace.store.read() as connection:
                parts = {row.part for row in connection.execute(metadata.tables["conversation"].select())}
        assert len(found) == len(expected)
        assert {it.id: it for it in found} == expected
        assert {path.name for path in (folder / "collection").iterdir()} >= parts

    strike(unharmed, "ingest", tmp_path, check)


def test_a_killed_generate_makes_the_same_tasks(unharmed: Unharmed, tmp_path: Path) -> None:
    expected = without_times(unharmed.after_all, "task")
    assert len(expected) == TASKS

    def check(folder: Path) -> None:
        assert without_times(folder, "task") == expected

    strike(unharmed, "generate", tmp_path, check)


def test_a_killed_push_leaves_every_task_once_on_both_platforms(unharmed: Unharmed, tmp_path: Path) -> None:
    def another_workspace(folder: Path) -> None:
        configure(folder, unharmed.servers, f"kill-{secrets.token_hex(4)}")
        (folder / "secrets" / "pseudonym.key").unlink()  # Label Studio projects are named by it
        create_key(folder / "secrets" / "pseudonym.key")

    def check(folder: Path) -> None:
        with Workspace.open(folder) as workspace:
            with workspace.store.read() as connection:
                tasks = all_tasks(connection)
                placements = {
                    row.task_id: (row.container_id, row.remote_id)
                    for row in connection.execute(placement.select())
                }
            assert placements.keys() == tasks.keys()
            for name, remote in remote_tasks(workspace, unharmed.servers).items():
                meant = sorted(task.id for task in tasks.values() if task.platform == name)
                assert sorted(task["task_id"] for task in remote) == meant, name
                assert {t["task_id"]: (t["container"], t["id"]) for t in remote} == {
                    task_id: placements[task_id] for task_id in meant
                }, name

    strike(unharmed, "push", tmp_path, check, another_workspace)


def test_a_killed_sync_brings_every_answer_once(unharmed: Unharmed, tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        with Workspace.open(folder) as workspace:
            with workspace.store.read() as connection:
                stored = latest_annotations(connection)
            remote = remote_answers(workspace, unharmed.servers)
            assert len(remote) >= TASKS // 3 * PEOPLE
            assert all(annotation.revision == 1 for annotation in stored)
            assert sorted(
                (it.platform, it.task_id, it.person_id, it.status.value, sorted(it.values.items()))
                for it in stored
            ) == sorted(
                (
                    platform,
                    task_id,
                    workspace.pseudonyms.find(email, (platform,)),
                    status,
                    sorted(values.items()),
                )
                for platform, task_id, email, status, values in remote
            )

    strike(unharmed, "sync", tmp_path, check)


def test_a_killed_settle_pays_as_if_unharmed(unharmed: Unharmed, tmp_path: Path) -> None:
    with Workspace.open(unharmed.after_all) as workspace, workspace.store.read() as connection:
        expected = balances(connection)
        transactions = connection.execute(metadata.tables["ledger_transaction"].select()).fetchall()
    assert len(expected) == PEOPLE + 1
    assert len(transactions) > SETTLE_BATCH, "one batch alone proves little"

    def check(folder: Path) -> None:
        with Workspace.open(folder) as workspace, workspace.store.read() as connection:
            assert problems(connection) == []
            assert balances(connection) == expected
            paid = connection.execute(metadata.tables["settlement"].select()).fetchall()
            keys = [row.key for row in connection.execute(metadata.tables["ledger_transaction"].select())]
        assert len(paid) == len(keys) == len(transactions)
        assert set(keys) == {row.key for row in transactions}

    strike(unharmed, "settle", tmp_path, check)


def test_every_step_run_twice_changes_nothing_the_second_time(unharmed: Unharmed, tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    shutil.copytree(unharmed.after_all, folder)
    logs = unharmed.folder / "conversations.jsonl"
    with Workspace.open(folder) as workspace:
        every: dict[str, Callable[[], object]] = {
            "ingest": lambda: steps.ingest_file(workspace, logs, publish=True),
            "seed": lambda: steps.seed_responses(workspace),
            "generate": lambda: steps.generate_tasks(workspace),
            "push": lambda: steps.push_tasks(workspace),
            "sync": lambda: steps.sync_answers(workspace),
            "settle": lambda: steps.settle_answers(workspace),
            "report": lambda: steps.evaluate(workspace),
            "settle after a report": lambda: steps.settle_answers(workspace),
            "export": lambda: steps.export(workspace, "dpo", folder / "exports" / "dpo"),
        }
        every["sync"]()  # the killed copies of this workspace have left their marks on the platforms
        every["report"]()  # the fixture made none, nor an export
        every["settle after a report"]()
        every["export"]()
        remote_before = remote_tasks(workspace, unharmed.servers)
        files_before = files(folder)
        before = dump(folder)
        for name, step in every.items():
            step()
            assert dump(folder) == before, name
            assert files(folder) == files_before, name
        assert remote_tasks(workspace, unharmed.servers) == remote_before


def test_a_push_that_lost_its_placements_finds_every_task_again(unharmed: Unharmed, tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    shutil.copytree(unharmed.after_all, folder)
    with Workspace.open(folder) as workspace:
        remote_before = remote_tasks(workspace, unharmed.servers)
        answers_before = remote_answers(workspace, unharmed.servers)
        with workspace.store.read() as connection:
            placed_before = {tuple(row)[:3] for row in connection.execute(placement.select())}
        with workspace.store.write() as connection:
            connection.execute(placement.delete())
        steps.push_tasks(workspace)
        with workspace.store.read() as connection:
            assert {tuple(row)[:3] for row in connection.execute(placement.select())} == placed_before
        remote_after = remote_tasks(workspace, unharmed.servers)
        assert remote_answers(workspace, unharmed.servers) == answers_before
    for name, tasks in remote_after.items():
        before = {task["id"]: task["updated_at"] for task in remote_before[name]}
        assert before.keys() == {task["id"] for task in tasks}
        touched = sum(before[task["id"]] != task["updated_at"] for task in tasks)
        print(f"\n{name}: pushing {len(tasks)} tasks again changed updated_at of {touched}")
        assert touched == 0


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file but the store and its locks."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and not path.name.startswith("chatfeedback.db")
    }


def remote_tasks(workspace: Workspace, servers: dict[str, TestServer]) -> dict[str, list[dict[str, str]]]:
    """Return every task in this workspace's datasets and projects, as the platforms' own REST API tells it."""
    found: dict[str, list[dict[str, str]]] = {"argilla": [], "label_studio": []}
    for dataset, record in argilla_records(workspace, servers["argilla"]):
        found["argilla"].append(
            {
                "container": dataset,
                "id": record["id"],
                "task_id": record["external_id"],
                "updated_at": record["updated_at"],
            }
        )
    for project, task in label_studio_tasks(workspace, servers["label_studio"]):
        found["label_studio"].append(
            {
                "container": project,
                "id": str(task["id"]),
                "task_id": task["data"]["task_id"],
                "updated_at": task["updated_at"],
            }
        )
    return {name: sorted(tasks, key=lambda task: task["id"]) for name, tasks in found.items()}


def remote_answers(
    workspace: Workspace, servers: dict[str, TestServer]
) -> list[tuple[str, str, str, str, dict[str, str]]]:
    """Return platform, task, e-mail address, status and values of every answer."""
    with argilla_client(servers["argilla"]) as client:
        users = client.get("/api/v1/users").raise_for_status().json()["items"]
    names = {user["id"]: user["username"] for user in users}
    found = [
        (
            "argilla",
            record["external_id"],
            names[response["user_id"]],
            response["status"],
            {name: value["value"] for name, value in (response["values"] or {}).items()},
        )
        for _, record in argilla_records(workspace, servers["argilla"])
        for response in record["responses"]
    ]
    with label_studio_client(servers["label_studio"]) as client:
        emails = {user["id"]: user["email"] for user in client.get("/api/users/").raise_for_status().json()}
    found += [
        (
            "label_studio",
            task["data"]["task_id"],
            emails[annotation["completed_by"]],
            "discarded" if annotation["was_cancelled"] else "submitted",
            {
                item["from_name"]: (item["value"].get("choices") or item["value"]["text"])[0]
                for item in annotation["result"]
            },
        )
        for _, task in label_studio_tasks(workspace, servers["label_studio"])
        for annotation in task["annotations"]
    ]
    return sorted(found, key=repr)


def argilla_client(server: TestServer) -> httpx.Client:
    return httpx.Client(
        base_url=server.url, headers={"X-Argilla-Api-Key": server.api_key.get_secret_value()}, timeout=60
    )


def argilla_records(workspace: Workspace, server: TestServer) -> Iterator[tuple[str, dict[str, Any]]]:
    assert workspace.config.platforms.argilla is not None
    with argilla_client(server) as client:
        spaces = client.get("/api/v1/me/workspaces").raise_for_status().json()["items"]
        ours = [it["id"] for it in spaces if it["name"] == workspace.config.platforms.argilla.workspace]
        datasets = client.get("/api/v1/me/datasets").raise_for_status().json()["items"]
        for dataset in datasets:
            if dataset["workspace_id"] not in ours:
                continue
            url = f"/api/v1/datasets/{dataset['id']}/records"
            page = client.get(url, params={"include": "responses", "limit": 1000}).raise_for_status().json()
            assert page["total"] == len(page["items"])
            yield from ((dataset["id"], record) for record in page["items"])


def label_studio_client(server: TestServer) -> httpx.Client:
    body = {"refresh": server.api_key.get_secret_value()}
    access = httpx.post(f"{server.url}/api/token/refresh/", json=body, timeout=60).raise_for_status().json()
    headers = {"Authorization": f"Bearer {access['access']}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60)


def label_studio_tasks(workspace: Workspace, server: TestServer) -> Iterator[tuple[str, dict[str, Any]]]:
    with label_studio_client(server) as client:
        listing: dict[str, str | int] = {"include": "id,description", "page_size": 1000}
        projects = client.get("/api/projects/", params=listing).raise_for_status().json()["results"]
        for project in projects:
            if workspace.id not in (project["description"] or ""):
                continue
            params: dict[str, str | int] = {"project": project["id"], "fields": "all", "page_size": 1000}
            page = client.get("/api/tasks/", params=params).raise_for_status().json()
            assert page["total"] == len(page["tasks"])
            yield from ((str(project["id"]), task) for task in page["tasks"])
