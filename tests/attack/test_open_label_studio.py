"""A hostile annotator on a Label Studio whose doors are all open, as a lead may run it.

Members can do everything to each other there. Nobody is paid for what they did not do, nobody loses what they earned,
and every sync goes to its end.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from chatfeedback import steps
from reward_engine import totals
from reward_engine.verification import verify
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.label_studio.form import result_of
from workspaces.platforms.label_studio.session import sign_in, sign_up, submit
from workspaces.servers.label_studio import LabelStudioServer
from workspaces.store.disputes import disputes
from workspaces.store.tasks import all_tasks, placement
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import httpx

    from workspaces.records import Task
    from workspaces.servers.label_studio import LabelStudioSettings
    from workspaces.servers.plan import ProcessPlan

pytestmark = pytest.mark.servers

PASSWORD = SecretStr("long-enough-to-be-good")
KEY = "OPEN_LABEL_STUDIO_KEY"
FORM = Form.of(kind_of("qualitative"))
TAGS = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "yes")
OTHER = dict.fromkeys(TAGS, "no")
ANSWERS_AT_ONCE = 9
"""A sync and a settlement of that many answers take as long as those of one."""

WITHOUT_NAGLE = """
from django.core.servers.basehttp import WSGIRequestHandler
from label_studio import server
WSGIRequestHandler.disable_nagle_algorithm = True
server.main()
"""
"""Label Studio's own program; only that no answer waits 40 ms for the client to acknowledge its head."""


class OpenLabelStudio(LabelStudioServer):
    """Label Studio as its makers start it: no door, and anybody can sign up."""

    def _processes(self, settings: LabelStudioSettings) -> list[ProcessPlan]:
        (plan,) = super()._processes(settings)
        module = plan.command.index("-m")
        plan.command[module : module + 2] = ["-c", WITHOUT_NAGLE]
        for name in ("PYTHONPATH", "DISABLE_SIGNUP_WITHOUT_LINK"):
            plan.environment.pop(name, None)
        return [plan]


@dataclass
class Field:
    """The server, a workspace with tasks on it, and the people: ada answers, mallory attacks."""

    workspace: Workspace
    url: str
    ada: httpx.Client
    mallory: httpx.Client
    ids: Mapping[str, int]
    """The server's numbers of its accounts, by the name before the @."""

    people: Mapping[str, str]
    project: str
    free: list[tuple[Task, str]] = field(default_factory=list)
    paid: list[tuple[Task, str, str]] = field(default_factory=list)

    def answered(self) -> tuple[Task, str, str]:
        """Return a task that ada answered and was paid for, its id there, and that of the answer."""
        if not self.paid:
            for task, remote in (self.free.pop() for _ in range(ANSWERS_AT_ONCE)):
                self.paid.append((task, remote, submit(self.ada, remote, FORM, TAGS, 10.0)))
            self.work()
        return self.paid.pop()

    def work(self) -> dict[str, int]:
        """Sync twice and settle; return everybody's points by name. What was taken off is placed again by a push."""
        for _ in range(2):
            found = steps.sync_answers(self.workspace)["label_studio"]
            assert (found.deleted, found.lost) == (0, 0)
        if found.failures:
            assert all("'chatfeedback push'" in failure for failure in found.failures)
            steps.settle_answers(self.workspace)
            before = self.points()
            assert sum(steps.push_tasks(self.workspace).lost.values()) == 1
            assert steps.sync_answers(self.workspace)["label_studio"].failures == []
            steps.settle_answers(self.workspace)
            assert self.points() == before
        steps.settle_answers(self.workspace)
        return self.points()

    def points(self) -> dict[str, int]:
        with self.workspace.store.read() as connection:
            earned = totals(connection)
            checked = verify(connection)
        assert (checked.problems, checked.unsettled) == ((), 0)
        return {name: earned.get(person, 0) for name, person in self.people.items()}

    def disputed(self) -> int:
        with self.workspace.store.read() as connection:
            return len(disputes(connection))


@pytest.fixture(scope="module")
def open_field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("open-label-studio")
    server = OpenLabelStudio(folder / "server")
    access = server.start(lambda _: None)
    configuration: dict[str, Any] = {
        "version": 1,
        "platforms": {"label_studio": {"url": access.url, "api_key_env": KEY}},
        "mix": {"kinds": {"qualitative": 1}, "overlap": 3},
    }
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            Workspace.create(folder / "w", json.dumps(configuration)) as workspace,
        ):
            patch.setenv(KEY, access.api_key.get_secret_value())
            yield from filled(workspace, access.url, folder)
    finally:
        server.stop()


def filled(workspace: Workspace, url: str, folder: Path) -> Iterator[Field]:
    logs = folder / "logs.jsonl"
    rows = [
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"What is zebra number {number}?"},
                {"role": "assistant", "content": f"Zebra number {number} is one that I was never told of."},
            ],
            "model_name": "m",
            "source": "test",
            "user_id": "giver",
        }
        for number in range(40)
    ]
    logs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    steps.ingest_file(workspace, logs, publish=True)
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    steps.push_tasks(workspace)
    emails = {name: f"{name}-{secrets.token_hex(3)}@example.org" for name in ("ada", "mallory", "eve")}
    invited = [emails["ada"], emails["mallory"]]
    steps.invite_people(workspace, dict.fromkeys(invited, PASSWORD))
    sign_up(url, "/user/signup/", emails["eve"], PASSWORD)
    person_id_of = workspace.pseudonyms.on_platform("label_studio")
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        places = connection.execute(placement.select()).all()
    with (
        sign_in(url, emails["ada"], PASSWORD) as ada,
        sign_in(url, emails["mallory"], PASSWORD) as mallory,
        sign_in(url, emails["eve"], PASSWORD),
    ):
        users = mallory.get("/api/users/").raise_for_status().json()
        ids = {name: it["id"] for name, email in emails.items() for it in users if it["email"] == email}
        yield Field(
            workspace,
            url,
            ada,
            mallory,
            ids,
            {name: person_id_of(email) for name, email in emails.items()},
            places[0].container_id,
            [(tasks[place.task_id], place.remote_id) for place in places],
        )


def patched(field: Field, annotation: str, **body: Any) -> None:
    field.mallory.patch(f"/api/annotations/{annotation}/", json=body).raise_for_status()


def result(values: Mapping[str, str]) -> list[Any]:
    return list(result_of(FORM, values))


ON_AN_ANSWER: dict[str, Callable[[Field, str, str], object]] = {
    "other values": lambda f, _, a: patched(f, a, result=result(OTHER)),
    "no values": lambda f, _, a: patched(f, a, result=[]),
    "taken over": lambda f, _, a: patched(f, a, completed_by=f.ids["mallory"]),
    "taken over with values": lambda f, _, a: patched(
        f, a, completed_by=f.ids["mallory"], result=result(OTHER)
    ),
    "given to a stranger": lambda f, _, a: patched(f, a, completed_by=f.ids["eve"]),
    "skipped": lambda f, _, a: patched(f, a, was_cancelled=True),
    "put": lambda f, _, a: f.mallory.put(
        f"/api/annotations/{a}/", json={"result": result(OTHER), "completed_by": f.ids["mallory"]}
    ),
    "moved to another task": lambda f, _, a: patched(f, a, task=int(f.free[0][1])),
    "back in time": lambda f, _, a: patched(
        f, a, result=[], updated_at="2001-01-01T00:00:00Z", created_at="2001-01-01T00:00:00Z"
    ),
    "deleted": lambda f, _, a: f.mallory.delete(f"/api/annotations/{a}/").raise_for_status(),
    "its task deleted": lambda f, r, _: f.mallory.delete(f"/api/tasks/{r}/").raise_for_status(),
    "its answers deleted in the data manager": lambda f, r, _: f.mallory.post(
        f"/api/dm/actions/?id=delete_tasks_annotations&project={f.project}",
        json={"selectedItems": {"all": False, "included": [int(r)]}},
    ).raise_for_status(),
    "its task deleted in the data manager": lambda f, r, _: f.mallory.post(
        f"/api/dm/actions/?id=delete_tasks&project={f.project}",
        json={"selectedItems": {"all": False, "included": [int(r)]}},
    ).raise_for_status(),
    "its task named as another one of ours": lambda f, r, _: renamed(f, r, f.free[0][0].id),
    "its task named as none of ours": lambda f, r, _: renamed(f, r, "nothing"),
    "its task without a name": lambda f, r, _: f.mallory.patch(
        f"/api/tasks/{r}/", json={"data": {"worth": "nothing"}}
    ).raise_for_status(),
    "the form without questions": lambda f, *_: f.mallory.patch(
        f"/api/projects/{f.project}/",
        json={"label_config": "<View><Text name='worth' value='$worth'/></View>"},
    ),
}


def renamed(field: Field, remote: str, task_id: str) -> None:
    data = field.mallory.get(f"/api/tasks/{remote}/").raise_for_status().json()["data"]
    answer = field.mallory.patch(f"/api/tasks/{remote}/", json={"data": data | {"task_id": task_id}})
    answer.raise_for_status()


@pytest.mark.parametrize("attack", ON_AN_ANSWER)
def test_what_is_done_to_anothers_answer_moves_no_points(open_field: Field, attack: str) -> None:
    task, remote, annotation = open_field.answered()
    before = open_field.points()
    assert before["ada"] >= task.points - task.quote["suggestion"] > 0
    ON_AN_ANSWER[attack](open_field, remote, annotation)
    assert open_field.work() == before


def import_tasks(field: Field, *tasks: dict[str, Any]) -> list[str]:
    answer = field.mallory.post(f"/api/projects/{field.project}/import?return_task_ids=true", json=[*tasks])
    return [str(each) for each in answer.raise_for_status().json()["task_ids"]]


def copy_of(field: Field) -> dict[str, Any]:
    data: dict[str, Any] = field.mallory.get(f"/api/tasks/{field.free[0][1]}/").json()["data"]
    return data


def forge(field: Field, author: str) -> None:
    body = {"result": result(TAGS), "completed_by": field.ids[author]}
    field.mallory.post(f"/api/tasks/{field.free.pop()[1]}/annotations/", json=body).raise_for_status()


def answer_a_copy(field: Field) -> None:
    (copy,) = import_tasks(field, {"data": copy_of(field)})
    submit(field.mallory, copy, FORM, TAGS, 10.0)


def import_an_answer(field: Field, author: str) -> None:
    given = {"result": result(TAGS), "completed_by": field.ids[author]}
    import_tasks(field, {"data": copy_of(field), "annotations": [given]})


def answer_in_a_project_of_her_own(field: Field) -> None:
    made = field.mallory.post(
        "/api/projects/",
        json={"title": "mine", "label_config": "<View><Text name='t' value='$worth'/></View>"},
    ).raise_for_status()
    answer = field.mallory.post(
        f"/api/projects/{made.json()['id']}/import?return_task_ids=true", json=[{"data": copy_of(field)}]
    ).raise_for_status()
    submit(field.mallory, str(answer.json()["task_ids"][0]), FORM, TAGS, 10.0)


WITHOUT_WORK: dict[str, Callable[[Field], object]] = {
    "an answer in another's name": lambda f: forge(f, "ada"),
    "an answer in a stranger's name": lambda f: forge(f, "eve"),
    "an answer to a copy of a task": answer_a_copy,
    "an imported answer of her own": lambda f: import_an_answer(f, "mallory"),
    "an imported answer of another": lambda f: import_an_answer(f, "ada"),
    "an answer in a project of her own": answer_in_a_project_of_her_own,
}


@pytest.mark.parametrize("attack", WITHOUT_WORK)
def test_what_is_no_answer_to_a_task_of_ours_by_its_author_is_not_paid(
    open_field: Field, attack: str
) -> None:
    before = open_field.work()
    WITHOUT_WORK[attack](open_field)
    assert open_field.work() == before


def test_an_answer_twice_is_paid_once(open_field: Field) -> None:
    task, remote, _ = open_field.answered()
    before = open_field.points()
    submit(open_field.ada, remote, FORM, TAGS, 10.0)
    assert open_field.work() == before
    assert task.points > 0


def test_what_somebody_gives_away_stays_theirs(open_field: Field) -> None:
    _, remote = open_field.free.pop()
    annotation = submit(open_field.mallory, remote, FORM, TAGS, 10.0)
    before = open_field.work()
    patched(open_field, annotation, completed_by=open_field.ids["ada"])
    assert open_field.work() == before


def test_who_signed_up_without_an_invitation_is_paid_once_accepted(open_field: Field) -> None:
    workspace, before = open_field.workspace, open_field.work()
    _, remote = open_field.free.pop()
    users = open_field.mallory.get("/api/users/").json()
    email = next(it["email"] for it in users if it["id"] == open_field.ids["eve"])
    with sign_in(open_field.url, email, PASSWORD) as eve:
        submit(eve, remote, FORM, TAGS, 10.0)
    assert open_field.work() == before
    assert steps.sync_answers(workspace)["label_studio"].strangers == 1
    (accepted,) = steps.accept_people(workspace, [email])
    assert accepted.answers == 1
    assert open_field.work()["eve"] > 0


def test_the_lead_sees_what_was_done(open_field: Field) -> None:
    assert open_field.disputed() >= 8


def test_a_deleted_project_is_named_and_takes_nothing_from_anybody(open_field: Field) -> None:
    before = open_field.work()
    open_field.mallory.delete(f"/api/projects/{open_field.project}/").raise_for_status()
    for _ in range(2):
        (failure,) = steps.sync_answers(open_field.workspace)["label_studio"].failures
        assert failure.startswith(f"{open_field.project}: ")
        steps.settle_answers(open_field.workspace)
    assert open_field.points() == before
