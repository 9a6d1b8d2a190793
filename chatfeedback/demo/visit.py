"""Simulated annotators: each signs in with an account of their own and answers through the platform."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import ceil
from typing import TYPE_CHECKING

from pydantic import SecretStr

from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from chatfeedback.steps import admit_people
from workspaces.files import write_text
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.registry import PLATFORMS
from workspaces.store.tasks import all_tasks, containers, task_ids_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatfeedback.demo.habits import Simulated
    from workspaces.servers import ServerAccess
    from workspaces.workspace import Workspace

AT_ONCE = 4
"""People who answer at the same time."""

LEAD_SECONDS = 20.0
"""The time that an answer is reported to have taken, on platforms that store it."""

ANSWERS_PER_TASK = 3
"""The average number of answers to a task; everybody answers the same share of the tasks."""


def accounts(workspace: Workspace) -> dict[Simulated, SecretStr]:
    """Make sure that every simulated person has an account; return their passwords.

    The passwords are kept in the workspace, so that the demo can run again and you can sign in as these people.
    """
    path = workspace.path / "secrets" / "simulated.json"
    if not path.exists():
        write_text(path, json.dumps({person.email: secrets.token_urlsafe(9) for person in PEOPLE}, indent=1))
    passwords = json.loads(path.read_text(encoding="utf-8"))
    people = {person: SecretStr(passwords[person.email]) for person in PEOPLE}

    def invite_everybody(name: str) -> None:
        with workspace.platform(name) as platform:
            for person, password in people.items():
                platform.invite(person.email, password)
        admit_people(workspace, name, [person.email for person in people])

    with ThreadPoolExecutor() as pool:  # a platform takes half a second to hash each password
        list(pool.map(invite_everybody, workspace.config.platforms.shares()))
    return people


def answer_everything(
    workspace: Workspace,
    people: Mapping[Simulated, SecretStr],
    connections: Mapping[str, ServerAccess],
    advance: Callable[[int], None],
) -> int:
    """Let everybody answer an equal share of the tasks on every platform; return the number of answers."""
    truth = load_truth()
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        sizes = {
            (name, container_id): len(task_ids_in(connection, container_id, name))
            for name in connections
            for container_id in containers(connection, name)
        }

    def visit(name: str, container_id: str, person: Simulated) -> int:
        share = ceil(sizes[name, container_id] * ANSWERS_PER_TASK / len(people))
        platform = PLATFORMS[name]
        lead_time = LEAD_SECONDS if platform.capabilities.lead_time else None
        submitted = 0
        with closing(platform.sign_in(connections[name].url, person.email, people[person])) as session:
            for placed in session.open_tasks(container_id, share):
                task = tasks[placed.task_id]
                session.submit(
                    placed,
                    Form.of(kind_of(task.kind).showing(len(task.message_ids))),
                    answer(person, task, truth),
                    lead_time,
                )
                submitted += 1
                advance(1)
        return submitted

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(visit, *place, person) for person in people for place in sizes]
        return sum(job.result() for job in jobs)
