"""Simulated annotators at work: each signs in with an account of their own and answers through the platform."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import ceil
from typing import TYPE_CHECKING

from pydantic import SecretStr

from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from workspaces.files import write_private
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.argilla import session as argilla_session
from workspaces.platforms.label_studio import session as label_studio_session
from workspaces.store.tasks import all_tasks, containers, task_ids_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chatfeedback.demo.habits import Simulated
    from workspaces.records import Task
    from workspaces.servers import ServerAccess
    from workspaces.workspace import Workspace

    AnswerTo = Callable[[str], tuple[Task, dict[str, str]]]
    """Maps a task's id to the task and what a person answers to it."""

AT_ONCE = 4
"""People who answer at the same time."""

ANSWERS_PER_TASK = 3
"""How many answers a task gets on average: everybody answers the same share of the tasks."""


def accounts(workspace: Workspace) -> dict[Simulated, SecretStr]:
    """Return every simulated person with a password, and make sure that their accounts exist.

    The passwords are kept in the workspace, so that the demo can be run again and you can sign in as them.
    """
    path = workspace.path / "secrets" / "simulated.json"
    if not path.exists():
        write_private(
            path, json.dumps({person.email: secrets.token_urlsafe(9) for person in PEOPLE}, indent=1)
        )
    passwords = json.loads(path.read_text(encoding="utf-8"))
    people = {person: SecretStr(passwords[person.email]) for person in PEOPLE}

    def invite_everybody(name: str) -> None:
        with workspace.platform(name) as platform:
            for person, password in people.items():
                platform.invite(person.email, password)

    with ThreadPoolExecutor() as pool:  # a platform takes half a second to hash each password
        list(pool.map(invite_everybody, workspace.config.platforms.shares()))
    return people


def answer_everything(
    workspace: Workspace,
    people: Mapping[Simulated, SecretStr],
    connections: Mapping[str, ServerAccess],
    advance: Callable[[int], None],
) -> int:
    """Let everybody answer a fair share of the tasks on every platform; return how many answers were given."""
    truth = load_truth()
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        sizes = {
            (name, container_id): len(task_ids_in(connection, container_id, name))
            for name in connections
            for container_id in containers(connection, name)
        }
    visits = {"argilla": _visit_argilla, "label_studio": _visit_label_studio}

    def visit(name: str, container_id: str, person: Simulated) -> int:
        share = ceil(sizes[name, container_id] * ANSWERS_PER_TASK / len(people))

        def answer_to(task_id: str) -> tuple[Task, dict[str, str]]:
            task = tasks[task_id]
            return task, answer(person, task, truth)

        given = 0
        url, password = connections[name].url, people[person]
        for _ in visits[name](url, container_id, person.email, password, answer_to, share):
            given += 1
            advance(1)
        return given

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(visit, *place, person) for person in people for place in sizes]
        return sum(job.result() for job in jobs)


def _visit_argilla(
    url: str, dataset_id: str, email: str, password: SecretStr, answer_to: AnswerTo, share: int
) -> Iterator[None]:
    with closing(argilla_session.sign_in(url, email, password)) as client:
        for place in argilla_session.pending_tasks(client, dataset_id, limit=share):
            _, values = answer_to(place.task_id)
            argilla_session.answer(client, place.remote_id, values)
            yield


def _visit_label_studio(
    url: str, project_id: str, email: str, password: SecretStr, answer_to: AnswerTo, share: int
) -> Iterator[None]:
    with closing(label_studio_session.sign_in(url, email, password)) as client:
        for _ in range(share):
            place = label_studio_session.next_task(client, project_id)
            if place is None:
                return
            task, values = answer_to(place.task_id)
            label_studio_session.submit(
                client, place.remote_id, Form.of(kind_of(task.kind)), values, lead_time=20.0
            )
            yield
