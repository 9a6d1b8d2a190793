"""What waits for a person: what is assigned to them where tasks are routed, elsewhere what is open, by queue.

What is open is the same for everybody and takes long to read: it is read once for many people (``OnOffer``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import offered, open_tasks
from chatfeedback.steps.assignments import read_assigned, router_of, routes
from chatfeedback.steps.rewrite_votes import moot_tasks
from workspaces.errors import WorkbenchError
from workspaces.kinds import kind_of
from workspaces.platforms.routing import AssignmentState
from workspaces.registry import PLATFORMS
from workspaces.store.members import OUTSIDE, members_of
from workspaces.store.own_answers import own_conversations
from workspaces.store.standing import standing
from workspaces.store.tasks import containers, places_in
from workspaces.store.who_answered import tasks_done_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import PlacedTask, Significance, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OnOffer:
    """What stood open at one moment.

    ``places`` are the open tasks that stand on each platform, by its name. ``given`` are the open tasks that are
    assigned to each person there, in their order; a platform that routes no tasks is missing, and one that could not be
    asked is in ``silent``.
    """

    tasks: Mapping[str, Task]
    places: Mapping[str, tuple[PlacedTask, ...]]
    given: Mapping[str, Mapping[str, tuple[str, ...]]]
    silent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks of one form that wait for a person on one platform.

    ``points`` are the least and the most that one of them offers; ``significance`` counts them. ``is_mine`` is whether
    they are kept for the person.
    """

    platform: str
    title: str
    address: str
    tasks: int
    points: tuple[int, int]
    significance: Mapping[Significance, int]
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person; ``silent`` are the titles of platforms that could not be asked."""

    queues: tuple[Queue, ...]
    silent: tuple[str, ...]


def read_on_offer(workspace: Workspace) -> OnOffer:
    """Read what is open; platforms that route are asked whose each task is."""
    with workspace.store.read() as connection:
        tasks = offered(connection)
        moot = moot_tasks(connection, tasks.values(), workspace.config.quality.own)
        left = open_tasks(connection, tasks, standing(connection), moot)
        places = {
            name: tuple(
                place
                for container in containers(connection, name)
                for place in places_in(connection, container, name)
                if place.task_id in left
            )
            for name in workspace.config.platforms.names()
        }
    given: dict[str, dict[str, tuple[str, ...]]] = {}
    silent: set[str] = set()
    for name in places:
        if not routes(workspace, name):
            continue
        try:
            given[name] = _given(workspace, name)
        except WorkbenchError:
            silent.add(name)
    return OnOffer({key: tasks[key] for key in left}, places, given, frozenset(silent))


def waiting_for(workspace: Workspace, on_offer: OnOffer, person_id: str) -> Waiting:
    """Return what waits for a person, the most points first; only where they are a member with access."""
    with workspace.store.read() as connection:
        here = {
            each.platform
            for each in members_of(connection, person_id)
            if each.revoked_at is None and each.status not in OUTSIDE
        }
        had = tasks_done_by(connection, person_id)
        own = own_conversations(connection, [person_id]).get(person_id, set())
    queues: list[Queue] = []
    for platform in sorted(here & on_offer.places.keys() - on_offer.silent):
        given = on_offer.given.get(platform)
        mine = None if given is None else set(given.get(person_id, ()))
        found: dict[tuple[str, str], list[Task]] = {}
        for place in on_offer.places[platform]:
            task = on_offer.tasks[place.task_id]
            if (
                task.id in had
                or not own.isdisjoint(task.conversation_ids)
                or (mine is not None and task.id not in mine)
            ):
                continue
            found.setdefault((place.container_id, task.kind), []).append(task)
        queues += _queues(workspace, platform, found, is_mine=mine is not None)
    queues.sort(key=lambda queue: (-queue.points[1], queue.platform, queue.title))
    silent = sorted(PLATFORMS[name].title for name in on_offer.silent & here)
    return Waiting(tuple(queues), tuple(silent))


def _queues(
    workspace: Workspace, platform: str, found: Mapping[tuple[str, str], list[Task]], *, is_mine: bool
) -> Iterable[Queue]:
    if not found:
        return
    entry = PLATFORMS[platform]
    try:
        address = workspace.address(platform).rstrip("/")
    except WorkbenchError:  # its server was never started here
        return
    for (container_id, kind), tasks in found.items():
        points = [task.points for task in tasks]
        yield Queue(
            entry.title,
            kind_of(kind).showing(len(tasks[0].message_ids)).form_title,
            f"{address}{entry.page.format(container_id)}",
            len(tasks),
            (min(points), max(points)),
            Counter(task.significance for task in tasks),
            is_mine,
        )


def _given(workspace: Workspace, name: str) -> dict[str, tuple[str, ...]]:
    with workspace.platform(name) as platform:
        assigned = read_assigned(workspace, name, router_of(platform))
    open_ = sorted(assigned.open.items(), key=lambda pair: pair[1].position)
    given: dict[str, list[str]] = {}
    for (person_id, task_id), each in open_:
        if each.state is AssignmentState.OPEN:
            given.setdefault(person_id, []).append(task_id)
    return {person_id: tuple(tasks) for person_id, tasks in given.items()}
