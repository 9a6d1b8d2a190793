"""What is assigned to whom on a platform, in our ids: people by pseudonym, tasks by their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from task_generators.routing import Reservation
from workspaces.platforms.routing import Assignment, AssignmentState, Routable
from workspaces.registry import PLATFORMS
from workspaces.store.tasks import containers, places_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from workspaces.config.routing import RoutingConfig
    from workspaces.platforms.base import Platform
    from workspaces.platforms.routing import KnownPerson, Router
    from workspaces.records import PlacedTask
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Assigned:
    """What a platform says now.

    Args:
        accounts: of the people who can answer, by pseudonym.
        unknown: how many more accounts can answer, of people whom nobody invited.
        places: where each task stands.
        open: what is assigned and not answered, by (person, task).
        stray: further open assignments: of a second account of somebody, and of accounts that cannot answer.
        answered: the (person, task) that are answered or skipped there, read into the store or not.
        routed: the datasets that are routed.
        seen: when somebody was last shown a task for the first time.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    unknown: int = 0
    places: dict[str, PlacedTask] = field(default_factory=dict)
    open: dict[tuple[str, str], Assignment] = field(default_factory=dict)
    stray: list[tuple[str, str, Assignment]] = field(default_factory=list)
    answered: set[tuple[str, str]] = field(default_factory=set)
    routed: set[str] = field(default_factory=set)
    seen: dict[str, datetime] = field(default_factory=dict)

    def reservations(self, routing: RoutingConfig, now: datetime) -> list[Reservation]:
        """Return the open assignments as routing decides about them."""
        return [
            Reservation(
                person_id,
                task_id,
                each.position,
                expired=_is_over(each, routing, now),
                served=each.served_at is not None,
                unseen=self._is_unseen(person_id, each, routing, now),
            )
            for (person_id, task_id), each in self.open.items()
        ]

    def _is_unseen(self, person_id: str, each: Assignment, routing: RoutingConfig, now: datetime) -> bool:
        if routing.unseen_hours is None or routing.expires_hours is None or each.expires_at is None:
            return False
        given_at = each.expires_at - timedelta(hours=routing.expires_hours)
        last = max(given_at, self.seen.get(person_id, given_at))
        return each.served_at is None and last + timedelta(hours=routing.unseen_hours) <= now

    def begun(self) -> dict[str, set[str]]:
        """Return at which tasks each person saved something that they did not submit."""
        begun: dict[str, set[str]] = {}
        for (person_id, task_id), each in self.open.items():
            if each.begun:
                begun.setdefault(person_id, set()).add(task_id)
        return begun


def routes(workspace: Workspace, platform: str) -> bool:
    """Return whether people are given tasks of their own on a platform: it can, and the lead wants it."""
    return workspace.config.routing.enabled and PLATFORMS[platform].capabilities.assignment


def router_of(platform: Platform) -> Router:
    """Return what gives a platform's tasks to chosen people.

    Raises:
        RoutingUnavailableError: its server cannot.
    """
    assert isinstance(platform, Routable), f"{platform.name} has the capability 'assignment' and no router"
    router = platform.router()
    router.check()
    return router


def read_assigned(workspace: Workspace, platform: str, router: Router) -> Assigned:
    """Ask a platform who can answer, and what is assigned to whom."""
    known = _known_person(workspace, platform)
    accounts = router.accounts(known)
    found = Assigned(accounts.people, accounts.unknown)
    person_of: dict[str, str] = {account: person_id for person_id, account in found.accounts.items()}
    with workspace.store.read() as connection:
        stands = {name: places_in(connection, name, platform) for name in containers(connection, platform)}
    for container, places in stands.items():
        task_of = {place.remote_id: place.task_id for place in places}
        found.places.update((place.task_id, place) for place in places)
        if router.is_routed(container):
            found.routed.add(container)
        for batch in router.assignments(container):
            for each in batch:
                task_id = task_of.get(each.remote_id)
                if task_id is None:  # none of ours
                    continue
                if each.account not in person_of:
                    person_of[each.account] = (
                        router.person_of(each.account, known) or f"account {each.account}"
                    )
                person_id = person_of[each.account]
                if each.served_at is not None:
                    found.seen[person_id] = max(each.served_at, found.seen.get(person_id, each.served_at))
                if each.state is AssignmentState.ANSWERED:
                    found.answered.add((person_id, task_id))
                elif found.accounts.get(person_id) == each.account:
                    found.open[person_id, task_id] = each
                else:
                    found.stray.append((person_id, container, each))
    return found


def _is_over(each: Assignment, routing: RoutingConfig, now: datetime) -> bool:
    """Return whether the time of an assignment is over; a draft renews it whenever it is saved."""
    if each.state is not AssignmentState.EXPIRED:
        return False
    if each.begun_at is None:
        return True
    return routing.expires_hours is not None and each.begun_at + timedelta(hours=routing.expires_hours) <= now


def _known_person(workspace: Workspace, platform: str) -> KnownPerson:
    """Return what maps a name on a platform to a pseudonym.

    Nobody gets one by having an account there: who was forgotten is not met again. Where everybody's answers count,
    everybody with an account is a person.
    """
    if workspace.config.people.strangers == "accept":
        return workspace.pseudonyms.on_platform(platform)
    return lambda name: workspace.pseudonyms.find(name, (platform,))


def by_container(
    assigned: Assigned, assignments: Iterable[tuple[str, Assignment]]
) -> dict[str, list[Assignment]]:
    """Return assignments, each with its task's number, by the dataset that they are in."""
    found: dict[str, list[Assignment]] = {}
    for task_id, each in assignments:
        found.setdefault(assigned.places[task_id].container_id, []).append(each)
    return found
