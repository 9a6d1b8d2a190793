"""Routing on a real Argilla: each person finds their own tasks in their order, and the next ones after answers."""

from __future__ import annotations

import gc
import json
import secrets
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla.form import given
from workspaces.platforms.argilla.session import answer, pending_tasks, sign_in
from workspaces.platforms.routing import Assignment
from workspaces.store.tasks import all_tasks, containers, places_in
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers

FORM = Form.of(kind_of("qualitative"))
CHATS = 20
AHEAD, RESERVE = 3, 2


class Office:
    """A workspace whose Argilla gives people tasks of their own, and its command line."""

    def __init__(self, workspace: Workspace, server: TestServer) -> None:
        self.workspace = workspace
        self.server = server
        self.passwords: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def run(self, *arguments: str) -> Any:
        ran = CliRunner().invoke(
            app, [*arguments, "--workspace", str(self.workspace.path), "--json"], catch_exceptions=False
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def route(self, *arguments: str) -> Any:
        return self.run("route", *arguments)["platforms"]["argilla"]

    def invite(self, name: str) -> str:
        email = f"{name}-{secrets.token_hex(4)}@example.org"
        (made,) = self.run("people", "invite", email)["invited"]
        self.passwords[email], self.ids[email] = made["password"], made["person_id"]
        return email

    def session(self, email: str) -> httpx.Client:
        return sign_in(self.server.url, email, SecretStr(self.passwords[email]))

    @property
    def dataset(self) -> str:
        with self.workspace.store.read() as connection:
            (dataset,) = containers(connection, "argilla")
        return dataset

    def queue(self, email: str) -> list[str]:
        """Return the tasks that a person's own page shows, in its order."""
        with closing(self.session(email)) as client:
            return [each.task_id for each in pending_tasks(client, self.dataset)]

    def answer(self, email: str, task_id: str, status: str = "submitted") -> None:
        with closing(self.session(email)) as client:
            place = next(it for it in pending_tasks(client, self.dataset) if it.task_id == task_id)
            answer(client, place.remote_id, given(FORM, ALL_TAGS) if status == "submitted" else {}, status)

    def refusal(self, email: str, task_id: str) -> str:
        """Return what the server says to an answer to a task that is not given to this person."""
        with self.workspace.store.read() as connection:
            remote = next(
                it.remote_id for it in places_in(connection, self.dataset, "argilla") if it.task_id == task_id
            )
        values = {name: {"value": value} for name, value in given(FORM, ALL_TAGS).items()}
        with closing(self.session(email)) as client:
            said = client.post(
                f"/api/v1/records/{remote}/responses", json={"status": "submitted", "values": values}
            )
        assert said.status_code == 403, said.text
        return said.text


@pytest.fixture
def office(tmp_path: Path, argilla_server: TestServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("ARGILLA_KEY", argilla_server.api_key.get_secret_value())
    configuration = (
        "version: 1\n"
        f"platforms: {{argilla: {{url: '{argilla_server.url}', api_key_env: ARGILLA_KEY, "
        f"workspace: routing-{secrets.token_hex(4)}}}}}\n"
        "mix: {kinds: {qualitative: 1}, overlap: 2}\n"
        f"routing: {{enabled: true, ahead: {AHEAD}, reserve: {RESERVE}}}\n"
    )
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        yield Office(workspace, argilla_server)
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def test_each_person_works_through_their_own_tasks_and_routing_twice_changes_nothing(office: Office) -> None:
    ada, bo = office.invite("ada"), office.invite("bo")
    logs = [
        replace(
            chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}."),
            giver_id=office.ids[ada] if n < CHATS // 2 else None,
        )
        for n in range(CHATS)
    ]
    office.workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
    steps.seed_responses(office.workspace)
    assert office.run("generate")["created"] == CHATS

    # push: only the reserve stands there, and nobody finds it
    pushed = office.run("push")
    assert pushed["placed"]["argilla"]["qualitative"] <= 2 * AHEAD + RESERVE
    assert sum(pushed["placed"]["argilla"].values()) + pushed["later"] == CHATS
    assert office.queue(ada) == office.queue(bo) == []

    foreseen = office.route("--dry-run")
    assert foreseen["given"] == 2 * AHEAD
    assert office.queue(ada) == []
    routed = office.route()
    assert routed["given"] == 2 * AHEAD
    assert {each["person_id"]: each["waiting"] for each in routed["people"]} == {
        office.ids[ada]: AHEAD,
        office.ids[bo]: AHEAD,
    }
    again = office.route()
    assert (again["given"], again["taken_back"], again["pushed"]) == (0, {}, 0)

    # the page shows them in their order, and no conversation of hers to Ada
    first = {email: _waiting(office, email) for email in (ada, bo)}
    assert {email: office.queue(email) for email in (ada, bo)} == first
    with office.workspace.store.read() as connection:
        tasks = all_tasks(connection)
    own = {log.id for log in logs if log.giver_id}
    assert not own.intersection(name for it in first[ada] for name in tasks[it].conversation_ids)
    others = next(it for it in first[bo] if it not in first[ada])
    assert "assigned" in office.refusal(ada, others)

    # answers, sync, and the next ones; what was skipped does not come again
    office.answer(ada, first[ada][0])
    office.answer(ada, first[ada][1], "discarded")
    between = office.route()  # before it is read into the store, what is answered there counts
    assert between["given"] == 2
    synced = office.run("sync")["argilla"]
    assert (synced["new"], synced["answers"]) == (2, 1)
    office.route()
    second = office.queue(ada)
    assert second == _waiting(office, ada)
    assert len(second) == AHEAD
    assert second[0] == first[ada][2]
    assert not {first[ada][0], first[ada][1]} & set(second[1:])
    figures = office.run("status")
    assert figures["tasks"] == CHATS == figures["placed_tasks"] + figures["tasks_not_pushed"]

    # no reservation outlives its time, but for a draft; somebody else takes what was let lapse
    _expire(office, bo, begin=first[bo][1])
    assert office.queue(bo) == [], "a draft stands on a page of its own"
    late = office.route()
    assert late["taken_back"] == {"not answered in time": AHEAD - 1}
    waiting = _waiting(office, bo)
    assert first[bo][1] in waiting
    assert office.queue(bo) == [it for it in waiting if it != first[bo][1]]
    lapsed = {first[bo][0], first[bo][2]}
    assert not {it for it in lapsed if tasks[it].conversation_ids[0] not in own} & set(waiting), "others can"

    # Ada is asked why
    (said,) = office.run("route", "--explain", ada)["platforms"]
    assert said["others"]["shows a conversation that they gave"] == CHATS // 2
    task = office.run("route", "--explain", next(it for it in tasks if tasks[it].conversation_ids[0] in own))
    assert task["task"]["people"][office.ids[ada]] == "shows a conversation that they gave"

    # whoever loses access gives up what waits for them
    office.run("people", "revoke", bo)
    gone = office.route()
    assert sum(gone["taken_back"].values()) == AHEAD
    (row,) = [each for each in gone["people"] if each["person_id"] == office.ids[bo]]
    assert (row["waiting"], row["full"]) == (0, "access revoked")


def _waiting(office: Office, email: str) -> list[str]:
    (said,) = office.run("route", "--explain", email)["platforms"]
    return [each["task_id"] for each in said["waiting"]]


def _expire(office: Office, email: str, begin: str) -> None:
    """Let the time of everything that waits for a person be over; they save a draft at ``begin`` before."""
    with office.workspace.platform("argilla") as platform:
        router = platform.router()  # type: ignore[attr-defined]
        account = router.accounts(lambda name: name).people[email]
        mine = [it for batch in router.assignments(office.dataset) for it in batch if it.account == account]
        past = utc_now() - timedelta(minutes=1)
        office.answer(email, begin, "draft")
        router.assign(office.dataset, [Assignment(it.remote_id, account, it.position, past) for it in mine])
