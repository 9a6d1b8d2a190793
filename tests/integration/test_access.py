"""People's access on both real servers: invited, revoked, restored, and given a new password."""

from __future__ import annotations

import gc
import json
import secrets
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.errors import CredentialsError, UsageError
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.label_studio.session import personal_access_token
from workspaces.platforms.label_studio.session import sign_in as label_studio_sign_in
from workspaces.registry import PLATFORMS
from workspaces.store.tasks import containers
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers

FORM = Form.of(kind_of("qualitative"))


class Office:
    """A workspace on both servers, with tasks on them, and its command line."""

    def __init__(self, workspace: Workspace, servers: dict[str, TestServer]) -> None:
        self.workspace = workspace
        self.servers = servers

    def run(self, *arguments: str) -> Any:
        ran = CliRunner().invoke(
            app, [*arguments, "--workspace", str(self.workspace.path), "--json"], catch_exceptions=False
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def can_work(self, name: str, email: str, password: str) -> bool:
        """Return whether a person gets a task there with this password."""
        with self.workspace.store.read() as connection:
            (container,) = containers(connection, name)
        try:
            session = PLATFORMS[name].sign_in(self.servers[name].url, email, SecretStr(password))
        except CredentialsError:
            return False
        with closing(session):
            try:
                return bool(list(session.open_tasks(container, 1)))
            except (CredentialsError, httpx.HTTPStatusError):
                return False

    def answer(self, name: str, email: str, password: str) -> None:
        with self.workspace.store.read() as connection:
            (container,) = containers(connection, name)
        session = PLATFORMS[name].sign_in(self.servers[name].url, email, SecretStr(password))
        with closing(session):
            (task,) = session.open_tasks(container, 1)
            session.submit(task, FORM, ALL_TAGS)

    def look(self, name: str, email: str, password: str, limit: int) -> list[str]:
        """Let a person be shown so many tasks; return these."""
        with self.workspace.store.read() as connection:
            (container,) = containers(connection, name)
        session = PLATFORMS[name].sign_in(self.servers[name].url, email, SecretStr(password))
        with closing(session):
            return [task.task_id for task in session.open_tasks(container, limit)]

    def person(self, email: str) -> dict[str, Any]:
        (person,) = self.run("people", "list", email)["people"]
        return dict(person)


@pytest.fixture
def office(
    tmp_path: Path,
    argilla_server: TestServer,
    label_studio_server: TestServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    servers = {"argilla": argilla_server, "label_studio": label_studio_server}
    monkeypatch.setenv("ARGILLA_KEY", argilla_server.api_key.get_secret_value())
    monkeypatch.setenv("LABEL_STUDIO_KEY", label_studio_server.api_key.get_secret_value())
    configuration = (
        "version: 1\n"
        f"platforms: {{argilla: {{url: '{argilla_server.url}', api_key_env: ARGILLA_KEY, "
        f"workspace: access-{secrets.token_hex(4)}}}, "
        f"label_studio: {{url: '{label_studio_server.url}', api_key_env: LABEL_STUDIO_KEY}}}}\n"
        "mix: {kinds: {qualitative: 1}, overlap: 3}\n"
    )
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(12)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        steps.push_tasks(workspace)
        yield Office(workspace, servers)
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def test_access_is_given_taken_and_given_back_on_both_platforms_and_a_lost_password_is_renewed(
    office: Office,
) -> None:
    email = f"Ann-{secrets.token_hex(4)}@Example.org"
    made = office.run("people", "invite", email)
    (invited,) = made["invited"]
    password = invited["password"]
    assert invited["new_on"] == ["argilla", "label_studio"]
    for name, server in office.servers.items():
        assert made["addresses"][name].rstrip("/") == server.url
        assert server.url in invited["text"]
    assert password not in invited["text"]
    assert (
        office.run("people", "invite", email.lower())["invited"][0]["new_on"] == []
    )  # one account, one person

    before = office.person(email)
    assert (before["state"], before["answers"], before["points"]) == ("invited", 0, 0)
    assert set(before["platforms"]) == {"argilla", "label_studio"}
    office.run("people", "set", email, "--name", "Countess")
    assert office.person(before["person_id"])["name"] == "Countess"

    for name in office.servers:
        assert office.can_work(name, email, password)
        office.answer(name, email, password)
    pats = personal_access_token(
        office.servers["label_studio"].url, email, SecretStr(password)
    ).get_secret_value()
    assert sees_projects(office.servers["label_studio"].url, pats)
    office.run("sync")
    office.run("settle")
    active = office.person(email)
    assert (active["state"], active["answers"]) == ("active", 2)
    assert active["points"] > 0

    revoked = office.run("people", "revoke", email)
    assert revoked["revoked_on"] == ["argilla", "label_studio"]
    for name in office.servers:
        assert not office.can_work(name, email, password)
    assert not sees_projects(office.servers["label_studio"].url, pats)
    for command in ("sync", "settle"):
        office.run(command)
    after = office.person(email)
    kept = ("answers", "held_answers", "points", "name")
    assert [after[key] for key in kept] == [active[key] for key in kept]
    assert after["state"] == "revoked"
    again = office.run("people", "revoke", before["person_id"])
    assert (again["revoked_on"], again["without_access_before"]) == ([], ["argilla", "label_studio"])

    (back,) = office.run("people", "invite", email)["invited"]
    assert (back["new_on"], back["password"]) == ([], None)
    assert back["restored_on"] == ["argilla", "label_studio"]
    assert office.person(email)["state"] == "active"
    for name in office.servers:
        assert office.can_work(name, email, password)

    renewed = office.run("people", "reset-password", before["person_id"])
    assert {name: [each.lower() for each in names] for name, names in renewed["accounts"].items()} == {
        name: [email.lower()] for name in office.servers
    }
    for name in office.servers:
        assert not office.can_work(name, email, password)
        assert office.can_work(name, email, renewed["password"])
    for each in (office.workspace.path, office.servers["label_studio"].server.log_folder):
        assert not mentions(each, renewed["password"]), "a password in a file of ours, or in a log"
        assert not mentions(each, password)
    assert not mentions(office.workspace.path, email)


def test_nobody_has_a_password_renewed_or_access_taken_by_another_ones_name(office: Office) -> None:
    emails = [f"ann-{secrets.token_hex(4)}@example.org" for _ in range(2)]
    invited = {each["email"]: each["password"] for each in office.run("people", "invite", *emails)["invited"]}
    office.run("people", "revoke", emails[0])
    office.run("people", "reset-password", emails[0])
    for name in office.servers:
        assert not office.can_work(name, emails[0], invited[emails[0]])
        assert office.can_work(name, emails[1], invited[emails[1]])
    states = {each["state"] for each in office.run("people", "list", emails[1])["people"]}
    assert states == {"invited"}


def test_who_has_no_account_is_told_so(office: Office) -> None:
    office.workspace.pseudonyms.on_platform("argilla")("nobody@example.org")
    with pytest.raises(UsageError, match="people invite"):
        office.run("people", "reset-password", "nobody@example.org")


def test_an_administrators_account_is_left_alone(office: Office) -> None:
    admin = office.servers["label_studio"].admin_email
    with office.workspace.platform("label_studio") as platform:
        assert not platform.revoke(lambda account: account == admin)
        assert platform.reset_password(lambda account: account == admin, SecretStr("another-password")) == []
    with office.workspace.platform("argilla") as platform:
        assert not platform.revoke(lambda account: account == office.servers["argilla"].admin_email)


def sees_projects(url: str, token: str) -> bool:
    """Return whether somebody sees projects of Label Studio with this personal access token."""
    access = httpx.post(f"{url}/api/token/refresh/", json={"refresh": token})
    if access.is_error:
        return False
    bearer = {"Authorization": f"Bearer {access.json()['access']}"}
    return httpx.get(f"{url}/api/projects/", headers=bearer).is_success


def mentions(folder: Path, text: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def shown_guidelines(office: Office) -> dict[str, str]:
    """Return what annotators read on each platform, as it stands there."""
    with office.workspace.store.read() as connection:
        places = {name: containers(connection, name)[0] for name in office.servers}
    server = office.servers["argilla"]
    headers = {"X-Argilla-Api-Key": server.api_key.get_secret_value()}
    dataset = httpx.get(
        f"{server.url}/api/v1/datasets/{places['argilla']}", headers=headers
    ).raise_for_status()
    with label_studio_sign_in(
        office.servers["label_studio"].url,
        office.servers["label_studio"].admin_email,
        office.servers["label_studio"].admin_password,
    ) as client:
        project = client.get(f"/api/projects/{places['label_studio']}/").raise_for_status().json()
    return {"argilla": dataset.json()["guidelines"], "label_studio": project["expert_instruction"]}


def test_the_leaderboard_stands_in_both_guidelines_and_who_is_removed_keeps_answers_and_points_and_no_access(
    office: Office,
) -> None:
    email = f"ann-{secrets.token_hex(4)}@example.org"
    (invited,) = office.run("people", "invite", email)["invited"]
    password, person_id = invited["password"], invited["person_id"]
    office.run("people", "set", email, "--name", "Countess [x](http://e.example) !")
    for name in office.servers:
        office.answer(name, email, password)
    office.run("sync")
    office.run("settle")
    points = office.person(email)["points"]
    assert all(person_id not in text and "Countess" not in text for text in shown_guidelines(office).values())
    office.run("sync")  # what was settled is written by the next sync
    for text in shown_guidelines(office).values():
        assert f"1. Countess x http e example: {points} points" in text
    office.run("people", "set", email, "--hide")
    office.run("push")
    assert all("Countess" not in text for text in shown_guidelines(office).values())
    again = office.run("push")
    assert "guidelines" not in again  # nothing changed, nothing is written

    for name in office.servers:
        office.answer(name, email, password)  # not read yet
    removed = office.run("people", "remove", email)["platforms"]
    for name in office.servers:
        assert removed[name] == {"account": "closed", "answers": 2, "drafts": 0, "assignments": 0}
        assert not office.can_work(name, email, password)
    assert office.run("people", "remove", email)["platforms"] == removed
    office.run("settle")
    office.run("sync")
    after = office.person(email)
    assert (after["state"], after["answers"]) == ("revoked", 4)
    assert after["points"] == 2 * points
    assert office.run("settle")["credited"] == 0


def test_settings_that_somebody_changed_on_a_platform_are_reported_and_stay_until_the_lead_takes_a_side(
    office: Office,
) -> None:
    with office.workspace.store.read() as connection:
        places = {name: containers(connection, name)[0] for name in office.servers}
    theirs = "Be kind."
    server = office.servers["argilla"]
    headers = {"X-Argilla-Api-Key": server.api_key.get_secret_value()}
    studio = office.servers["label_studio"]
    with (
        httpx.Client(base_url=server.url, headers=headers) as argilla,
        label_studio_sign_in(studio.url, studio.admin_email, studio.admin_password) as label_studio,
    ):
        dataset, project = f"/api/v1/datasets/{places['argilla']}", f"/api/projects/{places['label_studio']}/"
        question = argilla.get(f"{dataset}/questions").json()["items"][0]

        def shown() -> list[object]:
            now, there = argilla.get(dataset).json(), label_studio.get(project).json()
            asked = argilla.get(f"{dataset}/questions").json()["items"][0]
            distribution = now["distribution"]["min_submitted"]
            # Argilla's SDK strips what a dataset is made with
            mine = [now["guidelines"].strip(), distribution, asked["title"], asked["settings"]["options"]]
            return [
                *mine,
                *(there[it] for it in ("expert_instruction", "maximum_annotations", "show_skip_button")),
            ]

        def change() -> list[object]:
            options = [{**it, "text": f"{it['text']}!"} for it in question["settings"]["options"]]
            body = {"title": "Well?", "settings": {"type": question["settings"]["type"], "options": options}}
            argilla.patch(f"/api/v1/questions/{question['id']}", json=body).raise_for_status()
            distribution = {"strategy": "overlap", "min_submitted": 2}
            argilla.patch(
                dataset, json={"guidelines": theirs, "distribution": distribution}
            ).raise_for_status()
            other = {"expert_instruction": theirs, "maximum_annotations": 7, "show_skip_button": False}
            label_studio.patch(project, json=other).raise_for_status()
            return shown()

        assert "drifts" not in office.run("push")
        ours = shown()
        changed = change()
        assert all(before != after for before, after in zip(ours, changed, strict=True))
        name = f"the question {question['name']}"
        expected = {
            ("argilla", "guidelines"), ("argilla", "overlap"), ("argilla", name), ("label_studio", "guidelines"),
            ("label_studio", "overlap"), ("label_studio", "show_skip_button"),
        }  # fmt: skip
        for _ in range(2):  # however often
            drifts = office.run("push")["drifts"]
            assert {(it["platform"], it["setting"]) for it in drifts} == expected
            office.run("sync")
            assert shown() == changed
        doctor = office.run("doctor")
        for title in ("Argilla settings", "Label Studio settings"):
            assert doctor[title]["warning"]
            assert "there 'Be kind." in doctor[title]["detail"]
            assert "push --settings ours" in doctor[title]["detail"]

        assert "drifts" not in office.run("push", "--settings", "ours")
        assert shown() == ours
        assert change() == changed
        office.run("push", "--settings", "theirs")
        assert "drifts" not in office.run("push")
        assert shown() == changed
        assert "Label Studio settings left" in office.run("doctor")
        office.run("push", "--settings", "ours")
        assert shown() == ours
        assert "Label Studio settings left" not in office.run("doctor")


def test_new_rates_reach_what_nobody_saw_on_both_platforms(office: Office) -> None:
    email = f"ann-{secrets.token_hex(4)}@example.org"
    (invited,) = office.run("people", "invite", email)["invited"]
    with office.workspace.store.read() as connection:
        places = {name: containers(connection, name)[0] for name in office.servers}
    server, studio = office.servers["argilla"], office.servers["label_studio"]
    headers = {"X-Argilla-Api-Key": server.api_key.get_secret_value()}
    with (
        httpx.Client(base_url=server.url, headers=headers) as argilla,
        label_studio_sign_in(studio.url, studio.admin_email, studio.admin_password) as label_studio,
    ):

        def shown() -> dict[str, list[str]]:
            records = argilla.get(f"/api/v1/datasets/{places['argilla']}/records").json()["items"]
            found = label_studio.get(
                "/api/tasks/", params={"project": places["label_studio"], "fields": "all"}
            )
            data = [str(task["data"]) for task in found.json()["tasks"]]
            return {"argilla": [it["fields"]["task"] for it in records], "label_studio": data}

        before = shown()
        (seen,) = office.look("argilla", email, invited["password"], 1)
        noted = f"/api/v1/datasets/{places['argilla']}/records/served"
        until = time.monotonic() + 30
        while not argilla.get(noted).json()["items"] and time.monotonic() < until:
            time.sleep(0.1)  # it is noted after the answer was sent
        path = office.workspace.path / "chatfeedback.yaml"
        path.write_text(path.read_text() + "rates: {version: more, qualities: 1234}\n")
        done = office.run("tasks", "reprice")
        total = sum(map(len, before.values()))
        assert (done["changed"], done["promised"]) == (total - 1, 1)
        office.run("push")
        after = shown()
        assert {name: len(each) for name, each in after.items()} == {
            name: len(each) for name, each in before.items()
        }
        kept = [
            text
            for each in after.values()
            for text in each
            if text in {it for them in before.values() for it in them}
        ]
        assert len(kept) == 1
        assert seen in kept[0]
        assert office.run("tasks", "reprice")["changed"] == 0


def test_a_link_of_an_account_is_taken_back_as_long_as_it_answered_nothing(office: Office) -> None:
    ann, bob = (f"{name}-{secrets.token_hex(4)}@example.org" for name in ("ann", "bob"))
    both = {it["email"]: it for it in office.run("people", "invite", ann, bob)["invited"]}
    person_id = both[ann]["person_id"]
    link = ("people", "link", ann, "--account", f"argilla:{bob}")
    assert office.run(*link)["new"]
    now = office.run(*link, "--remove")["account"]
    assert now not in (person_id, both[bob]["person_id"])
    office.answer("label_studio", bob, both[bob]["password"])
    office.run("sync")
    assert office.person(now)["state"] == "held", "nobody invited whoever it is now"
    assert office.person(ann)["answers"] == 0

    cy = f"cy-{secrets.token_hex(4)}@example.org"
    password = office.run("people", "invite", cy)["invited"][0]["password"]
    link = ("people", "link", ann, "--account", f"argilla:{cy}")
    office.run(*link)
    office.answer("label_studio", cy, password)  # not read yet
    refused = CliRunner().invoke(app, [*link, "--remove", "--workspace", str(office.workspace.path)])
    assert refused.exit_code != 0
    assert "1 answer" in str(refused.exception)
    office.run("sync")
    assert office.person(ann)["answers"] == 1
    only = ["people", "link", now, "--account", f"argilla:{bob}", "--remove"]
    refused = CliRunner().invoke(app, [*only, "--workspace", str(office.workspace.path)])
    assert "only name" in str(refused.exception)
