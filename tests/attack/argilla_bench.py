"""A workspace on a real Argilla, two annotators, the victim and the attacker, and canaries in what is the victim's."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from chatfeedback import steps
from reward_engine import problems
from reward_engine.accounts import person_account
from reward_engine.ledger import balances
from workspaces.platforms.argilla.session import answer, sign_in
from workspaces.records import AnnotationStatus, PlacedTask, Quality
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks, containers, placement, task_ids_in
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer

KEY = "TEST_ATTACK_ARGILLA_KEY"
PASSWORD = SecretStr("long-enough-to-be-good")
LOGS = 12
ANSWERED = 4
OVERLAP = 2

Json = dict[str, Any]


@dataclass(slots=True)
class Account:
    """An annotator: the account, and a client for each kind of credentials."""

    id: str
    username: str
    api_key: str
    clients: dict[str, httpx.Client]


@dataclass(slots=True)
class Bench:
    """A workspace whose tasks stand on a real Argilla.

    Args:
        canary: stands in every text of the victim and of the lead that an annotator must not see.
        foreign: texts that none of an attacker's answers may hold.
        places: what stands in the paths and bodies of attacks, by name.
    """

    server: TestServer
    workspace: Workspace
    argilla_workspace: str
    canary: str
    lead: httpx.Client
    victim: Account
    attacker: Account
    tasks: list[PlacedTask]
    places: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def state(self) -> Json:
        """Return all that the lead sees on the server and that the attacker must not change.

        Answers of the attacker are left out, and so are figures and times that they move.
        """
        path = f"/datasets/{self.places['dataset']}"
        found: Json = {
            name: self.ask(where)
            for name, where in {
                "users": "/users",
                "workspaces": "/me/workspaces",
                "members": f"/workspaces/{self.places['workspace']}/users",
                "datasets": "/me/datasets",
                "fields": f"{path}/fields",
                "questions": f"{path}/questions",
                "properties": f"/me{path}/metadata-properties",
                "vectors": f"{path}/vectors-settings",
                "webhooks": "/webhooks",
                "records": f"{path}/records?include=responses,suggestions&limit=1000",
                "elsewhere": f"/datasets/{self.places['other_dataset']}/records?include=responses,suggestions",
            }.items()
        }
        ours = (self.places["dataset"], self.places["other_dataset"])
        found["datasets"] = [it for it in found["datasets"]["items"] if it["id"] in ours]
        found["users"] = [
            it for it in found["users"]["items"] if it["id"] in (self.victim.id, self.attacker.id)
        ]
        for dataset in found["datasets"]:
            del dataset["last_activity_at"]
        for record in found["records"]["items"]:
            del record["updated_at"], record["status"]
            record["responses"] = [it for it in record["responses"] if it["user_id"] != self.attacker.id]
        del found["workspaces"]  # other tests make some meanwhile
        return found

    def ask(self, path: str) -> Any:
        """Return what the lead reads at a path of the API."""
        return self.lead.get(path).raise_for_status().json()

    def balance(self, account: Account) -> int:
        """Return a person's points; the ledger is whole."""
        person = self.workspace.pseudonyms.find(account.username, ("argilla",))
        with self.workspace.store.read() as connection:
            assert problems(connection) == []
            return balances(connection).get(person_account(str(person)), 0)

    def answers_of(self, account: Account) -> dict[str, Json]:
        """Return the answers of a person that stand in the store, by task."""
        person = self.workspace.pseudonyms.find(account.username, ("argilla",))
        with self.workspace.store.read() as connection:
            found = [it for it in latest_annotations(connection) if it.person_id == person]
        standing = [it for it in found if it.status is not AnnotationStatus.DELETED]
        return {it.task_id: {**it.values, "status": it.status.value} for it in standing}

    def collect(self) -> Json:
        """Sync and settle as the lead does; return the counts."""
        counts = steps.sync_answers(self.workspace)["argilla"]
        steps.settle_answers(self.workspace)
        return {"new": counts.new, "changed": counts.changed, "deleted": counts.deleted}


@contextmanager
def argilla_bench(server: TestServer, folder: Path) -> Iterator[Bench]:
    """Make the bench; the victim has answered tasks, which are synced and settled."""
    tag = secrets.token_hex(5)
    canary = f"canary{tag}"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv(KEY, server.api_key.get_secret_value())
        name = f"attack-{tag}"
        configuration = {
            "version": 1,
            "platforms": {"argilla": {"url": server.url, "api_key_env": KEY, "workspace": name}},
            "mix": {"kinds": {"qualitative": 1}, "overlap": OVERLAP},
        }
        workspace = stack.enter_context(Workspace.create(folder / "w", json.dumps(configuration)))
        _write_logs(folder / "logs.jsonl")
        steps.ingest_file(workspace, folder / "logs.jsonl", publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        steps.push_tasks(workspace)
        emails = {"victim": f"{canary}-victim@example.org", "attacker": f"mallory-{tag}@example.org"}
        with workspace.platform("argilla") as platform:
            assert platform.open_doors() == ()
            for email in emails.values():
                assert platform.invite(email, PASSWORD)
        steps.admit_people(workspace, "argilla", emails.values())
        lead = stack.enter_context(
            httpx.Client(
                base_url=f"{server.url}/api/v1",
                headers={"X-Argilla-Api-Key": server.api_key.get_secret_value()},
                timeout=60,
            )
        )
        accounts = {who: _account(server, lead, email, stack) for who, email in emails.items()}
        bench = Bench(
            server, workspace, name, canary, lead, accounts["victim"], accounts["attacker"], _tasks(workspace)
        )
        with closing(sign_in(server.url, bench.victim.username, PASSWORD)) as client:
            for task in bench.tasks[:ANSWERED]:
                answer(client, task.remote_id, _answer(f"{canary} would say this more clearly"))
        _find_places(bench)
        bench.collect()
        yield bench


def _write_logs(path: Path) -> None:
    rows = [
        {
            "conversation_id": f"chat-{number:02}",
            "conversation": [
                {"role": "user", "content": f"What is zebra number {number}?"},
                {"role": "assistant", "content": f"Zebra {number} is an animal with {number + 3} stripes."},
            ],
            "model_name": "m",
            "source": "test",
            "user_id": f"giver-{number % 2}",
        }
        for number in range(LOGS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _answer(suggestion: str) -> dict[str, str]:
    return {quality.value: "yes" for quality in Quality} | {"suggestion": suggestion}


def _tasks(workspace: Workspace) -> list[PlacedTask]:
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        ids = [
            task_id
            for container in containers(connection, "argilla")
            for task_id in task_ids_in(connection, container, "argilla")
        ]
        rows = {row.task_id: row for row in connection.execute(placement.select())}
    ids.sort(key=lambda task_id: tasks[task_id].conversation_ids)
    return [PlacedTask(it, rows[it].remote_id, rows[it].container_id) for it in ids]


def _account(server: TestServer, lead: httpx.Client, email: str, stack: ExitStack) -> Account:
    users = lead.get("/users").raise_for_status().json()["items"]
    user = next(user for user in users if user["username"] == email)
    clients = {
        "key": httpx.Client(base_url=server.url, headers={"X-Argilla-Api-Key": user["api_key"]}, timeout=60),
        "token": sign_in(server.url, email, PASSWORD),
    }
    for client in clients.values():
        stack.enter_context(closing(client))
    return Account(user["id"], email, user["api_key"], clients)


def _find_places(bench: Bench) -> None:
    """Fill in what attacks aim at, and plant what only the lead may see."""
    dataset = bench.tasks[0].container_id
    workspaces = {it["name"]: it["id"] for it in bench.ask("/me/workspaces")["items"]}
    other = bench.lead.post("/workspaces", json={"name": f"other-{bench.canary}"}).raise_for_status().json()
    elsewhere = _other_dataset(bench, other["id"])
    record = bench.ask(f"/records/{bench.tasks[0].remote_id}")
    question = bench.ask(f"/datasets/{dataset}/questions")["items"][0]
    hidden = bench.lead.post(
        f"/datasets/{dataset}/metadata-properties",
        json={
            "name": "secret_seed",
            "title": "-",
            "settings": {"type": "terms"},
            "visible_for_annotators": False,
        },
    ).raise_for_status()
    metadata = {**record["metadata"], "secret_seed": f"{bench.canary}-seed"}
    bench.lead.patch(f"/records/{record['id']}", json={"metadata": metadata}).raise_for_status()
    suggestion = bench.lead.put(
        f"/records/{bench.tasks[1].remote_id}/suggestions",
        json={
            "question_id": question["id"],
            "value": question["settings"]["options"][0]["value"],
            "agent": f"{bench.canary}-agent",
            "type": "human",
        },
    ).raise_for_status()
    bench.places = {
        "dataset": dataset,
        "workspace": workspaces[bench.argilla_workspace],
        "other_workspace": other["id"],
        "other_dataset": elsewhere["dataset"],
        "other_record": elsewhere["record"],
        "record": record["id"],
        "suggested": bench.tasks[1].remote_id,
        "open": bench.tasks[ANSWERED].remote_id,
        "task": bench.tasks[0].task_id,
        "response": record["responses"][0]["id"],
        "victim": bench.victim.id,
        "victim_name": bench.victim.username,
        "me": bench.attacker.id,
        "question": question["id"],
        "question_name": question["name"],
        "field": bench.ask(f"/datasets/{dataset}/fields")["items"][0]["id"],
        "property": bench.ask(f"/me/datasets/{dataset}/metadata-properties")["items"][0]["id"],
        "hidden": hidden.json()["id"],
        "suggestion": suggestion.json()["id"],
        "canary": bench.canary,
    }
    bench.foreign = [bench.canary, bench.victim.id, bench.victim.api_key, bench.places["response"]]


def _other_dataset(bench: Bench, workspace: str) -> dict[str, str]:
    """Make a dataset in a workspace that the attacker is no member of."""
    body = {"name": f"{bench.canary}-elsewhere", "workspace_id": workspace}
    dataset = bench.lead.post("/datasets", json=body).raise_for_status().json()["id"]
    text = {"type": "text", "use_markdown": False}
    for kind in ("fields", "questions"):
        bench.lead.post(
            f"/datasets/{dataset}/{kind}",
            json={"name": "text", "title": "-", "required": True, "settings": text},
        ).raise_for_status()
    bench.lead.put(f"/datasets/{dataset}/publish").raise_for_status()
    items = [{"fields": {"text": f"{bench.canary} elsewhere"}}]
    made = bench.lead.post(f"/datasets/{dataset}/records/bulk", json={"items": items}).raise_for_status()
    return {"dataset": dataset, "record": made.json()["items"][0]["id"]}
