"""Simulated annotators at work: each signs in with an account of their own and answers through the platform."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pydantic import SecretStr

from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from task_generators.kinds import form_of
from workspaces.platforms import argilla_session, label_studio_session
from workspaces.servers.managed import write_private
from workspaces.store.tasks import all_tasks, containers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatfeedback.demo.habits import Simulated, Truth
    from workspaces.records import Task
    from workspaces.servers import Connection
    from workspaces.workspace import Workspace

AT_ONCE = 4
"""People who answer at the same time."""

SHARE_ANSWERED = 0.5
"""Of the tasks on Argilla, where everyone sees every task, how many each person answers."""


def accounts(workspace: Workspace) -> dict[Simulated, SecretStr]:
    """Return every simulated person with a password, and make sure that their accounts exist.

    The passwords are kept in the workspace, so that the demo can be run again and a person can sign in as them.
    """
    path = workspace.path / "secrets" / "simulated.json"
    if not path.exists():
        write_private(path, json.dumps({person.email: secrets.token_urlsafe(9) for person in PEOPLE}, indent=1))
    passwords = json.loads(path.read_text(encoding="utf-8"))
    people = {person: SecretStr(passwords[person.email]) for person in PEOPLE}
    for name in workspace.config.platforms.shares():
        with workspace.platform(name) as platform:
            for person, password in people.items():
                platform.invite(person.email, password)
    return people


def answer_everything(
    workspace: Workspace,
    people: Mapping[Simulated, SecretStr],
    connections: Mapping[str, Connection],
    advance: Callable[[int], None],
) -> int:
    """Let everybody answer, on every platform; return how many answers were given."""
    truth = load_truth()
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        places = [
            (name, container_id)
            for name in connections
            for container_id in containers(connection, name)
        ]
    visits = {"argilla": _visit_argilla, "label_studio": _visit_label_studio}

    def visit(name: str, container_id: str, person: Simulated) -> int:
        url = connections[name].url
        return visits[name](url, container_id, person, people[person], tasks, truth, advance)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # one platform after the other for each person, so that both are busy and nobody is in two places
        jobs = [pool.submit(visit, *place, person) for person in people for place in places]
        return sum(job.result() for job in jobs)


def _visit_argilla(
    url: str,
    dataset_id: str,
    person: Simulated,
    password: SecretStr,
    tasks: Mapping[str, Task],
    truth: Truth,
    advance: Callable[[int], None],
) -> int:
    given = 0
    with argilla_session.sign_in(url, person.email, password) as client:
        shown = argilla_session.pending_tasks(client, dataset_id)
        for place in shown[: round(len(shown) * SHARE_ANSWERED)]:
            argilla_session.answer(client, place.remote_id, answer(person, tasks[place.task_id], truth))
            given += 1
            advance(1)
    return given


def _visit_label_studio(
    url: str,
    project_id: str,
    person: Simulated,
    password: SecretStr,
    tasks: Mapping[str, Task],
    truth: Truth,
    advance: Callable[[int], None],
) -> int:
    given = 0
    with label_studio_session.sign_in(url, person.email, password) as client:
        while (place := label_studio_session.next_task(client, project_id)) is not None:
            task = tasks[place.task_id]
            values = answer(person, task, truth)
            label_studio_session.submit(client, place.remote_id, form_of(task.kind), values, lead_time=20.0)
            given += 1
            advance(1)
    return given
