"""Explains who is given which task, and who is not, by what is stored and what the platforms say now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import offered
from chatfeedback.steps.assignments import read_assigned, router_of
from chatfeedback.steps.board import read_board, rules_of
from chatfeedback.steps.people import find_person
from chatfeedback.steps.route import routed_platforms
from task_generators.routing import Explanation, Reason, Stage
from workspaces.errors import UsageError
from workspaces.platforms.routing import AssignmentState
from workspaces.store.groups import all_groups
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chatfeedback.steps.assignments import Assigned
    from task_generators.routing import Board
    from workspaces.records import Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that waits for a person; ``served`` is when it was first shown to them."""

    task_id: str
    kind: str
    position: int
    expires_at: datetime | None
    expired: bool
    begun: bool
    served: datetime | None


@dataclass(frozen=True, slots=True)
class ExplainedPerson:
    """What one person is given on one platform, and why nothing else; see ``RoutedPerson``."""

    platform: str
    person_id: str
    group: str | None
    mixes: Sequence[str]
    answered: int
    today: int
    stage: Stage | None
    practised: int
    right: float | None
    waiting: Sequence[WaitingTask]
    full: Reason | None
    others: Mapping[Reason, int]


@dataclass(frozen=True, slots=True)
class ExplainedTask:
    """To whom one task is given, and why not to others.

    ``places`` people may have it together; ``answers`` have answered it. ``offered`` is None where it is given on, and
    otherwise says why nobody gets it. ``people`` has a reason for each; None: it waits for them.
    """

    platform: str
    task_id: str
    kind: str
    mix: str
    placed: bool
    answers: int
    places: int
    value: float
    offered: str | None
    people: Mapping[str, Reason | None]


def explain_routing(workspace: Workspace, name: str) -> list[ExplainedPerson] | ExplainedTask:
    """Explain a person, on each platform that gives people tasks of their own, or a task.

    Args:
        workspace: theirs.
        name: a task's number, or a pseudonym, e-mail address or user name.

    Raises:
        UsageError: nobody and nothing has that name, or routing is off.
    """
    platforms = routed_platforms(workspace)
    with workspace.store.read() as connection:
        task = offered(connection).get(name)
    if task is None:
        person_id = find_person(workspace, name)
        return [_person(workspace, platform, person_id) for platform in platforms]
    if task.platform not in platforms:
        raise UsageError(f"the task {name} stands on {task.platform}, where everybody is offered every task")
    return _task(workspace, task)


def _read(workspace: Workspace, platform: str) -> tuple[Assigned, Board]:
    with workspace.platform(platform) as connected:
        assigned = read_assigned(workspace, platform, router_of(connected))
    return assigned, read_board(workspace, platform, assigned, utc_now())


def _person(workspace: Workspace, platform: str, person_id: str) -> ExplainedPerson:
    assigned, board = _read(workspace, platform)
    worker = board.workers.get(person_id)
    if worker is None:
        raise UsageError(
            f"{person_id} has no account on {platform}: 'chatfeedback people invite EMAIL' makes one"
        )
    rules = rules_of(workspace.config)
    why = Explanation(board, rules)
    with workspace.store.read() as connection:
        group = all_groups(connection).get(person_id)
    waiting = sorted(
        (
            WaitingTask(
                task_id,
                board.tasks[task_id].kind,
                each.position,
                each.expires_at,
                each.state is AssignmentState.EXPIRED,
                each.begun,
                each.served_at,
            )
            for (name, task_id), each in assigned.open.items()
            if name == person_id and task_id in board.tasks
        ),
        key=lambda each: (each.position, each.task_id),
    )
    results = worker.results
    return ExplainedPerson(
        platform=platform,
        person_id=person_id,
        group=group,
        mixes=sorted(worker.mixes),
        answered=len(worker.answered),
        today=worker.today,
        stage=None if rules.practice is None else rules.practice.stage(results),
        practised=len(results),
        right=sum(results) / len(results) if results else None,
        waiting=waiting,
        full=why.full(person_id),
        others=dict(why.person(person_id).most_common()),
    )


def _task(workspace: Workspace, task: Task) -> ExplainedTask:
    _, board = _read(workspace, task.platform)
    offer = board.offers.get(task.id)
    answers = sum(task.id in worker.answered for worker in board.workers.values())
    return ExplainedTask(
        platform=task.platform,
        task_id=task.id,
        kind=task.kind,
        mix=task.mix,
        placed=offer is not None and offer.placed,
        answers=answers if offer is None else offer.answers,
        places=0 if offer is None else offer.places(),
        value=0.0 if offer is None else round(offer.value(offer.answers), 4),
        offered=_not_offered(task, answers) if offer is None else None,
        people={} if offer is None else Explanation(board, rules_of(workspace.config)).task(task.id),
    )


def _not_offered(task: Task, answers: int) -> str:
    if task.closed_at is not None:
        return "it closed early: its answers settle it"
    if answers >= task.overlap:
        return "it has all its answers"
    return "what it shows is not shared any more, or was changed since, or no package here declares its kind"
