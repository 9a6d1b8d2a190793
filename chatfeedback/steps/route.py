"""Gives people tasks of their own on the platforms that can."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.assignments import by_container, read_assigned, router_of, routes
from chatfeedback.steps.board import read_board, rules_of
from chatfeedback.steps.push import push_to_platforms
from task_generators.routing import LAPSED_BY, WHILE_UNSEEN, Explanation, Reason, Reservation, Stage, decide
from workspaces.errors import UsageError, WorkbenchError, together
from workspaces.platforms.routing import Assignment, AssignmentState
from workspaces.records import AnnotationStatus
from workspaces.registry import PLATFORMS
from workspaces.store.takebacks import begin_take_back, finish_take_back, unfinished
from workspaces.workspace import CONFIG_NAME, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.assignments import Assigned
    from chatfeedback.steps.push import Pushed
    from task_generators.routing import Board, Decision
    from workspaces.platforms.routing import Router
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RoutedPerson:
    """One person after a run: how many tasks wait for them, and how many of these are new.

    ``stage`` is how far they are with their practice tasks; None where nobody has to qualify. ``full`` is why they are
    given no more whatever it is; where nothing is, ``others`` says why the open tasks are not.
    """

    person_id: str
    waiting: int
    new: int
    answered: int
    stage: Stage | None
    full: Reason | None
    others: Mapping[Reason, int]


@dataclass(slots=True)
class Routed:
    """What a run did on one platform.

    ``given`` and ``taken_back`` (by reason) are assignments. ``late`` were answered in the moment in which they were to
    be taken back, and stay. ``switched_on`` are datasets that show people their own tasks alone from now on, ``open``
    those that still show everybody all of them, because nobody is given anything yet. ``unknown`` are accounts of
    people whom nobody invited here: they are given nothing. ``rejected`` tasks were to be placed, and the platform did
    not take them.
    """

    people: list[RoutedPerson] = field(default_factory=list)
    given: int = 0
    taken_back: dict[Reason, int] = field(default_factory=dict)
    late: int = 0
    switched_on: int = 0
    open: int = 0
    unknown: int = 0
    pushed: int = 0
    later: int = 0
    rejected: int = 0

    @property
    def waiting(self) -> int:
        """How many assignments wait for somebody."""
        return sum(person.waiting for person in self.people)


def route_tasks(
    workspace: Workspace,
    *,
    dry_run: bool = False,
    advance: Advance = ignore,
    failures: list[WorkbenchError] | None = None,
) -> dict[str, Routed]:
    """Push what people need, take back what is not theirs any more, and give them what comes next; by platform.

    What is assigned stands on the platform alone, so that a run that is killed is finished by the next one. A run after
    which nothing happened changes nothing. With ``dry_run`` nothing is written anywhere.

    Raises:
        UsageError: routing is off, or no platform here can give tasks to people.
        WorkbenchError: a platform failed, and there is no list ``failures``.
    """
    names = routed_platforms(workspace)
    failed = failures if failures is not None else []
    results: dict[str, Routed] = {}
    with workspace.exclusive():
        for name in names:
            # what cannot be pushed keeps nobody from what stands there
            pushed = None if dry_run else push_to_platforms(workspace, [name], advance, failed)
            try:
                with workspace.platform(name) as platform:
                    platform.check()
                    router = router_of(platform)
                    run = _Run(workspace, name, router, utc_now())
                    results[name] = run.foresee() if dry_run else run.carry_out(pushed)
            except WorkbenchError as error:
                failed.append(error)
    if failed and failures is None:
        raise together(failed)
    return results


def routed_platforms(workspace: Workspace) -> list[str]:
    """Return the platforms on which people are given tasks of their own.

    Raises:
        UsageError: there is none.
    """
    names = [name for name in workspace.config.platforms.names() if routes(workspace, name)]
    if names:
        return names
    if not workspace.config.routing.enabled:
        raise UsageError(
            f"routing is off, so that everybody is offered every task: set routing.enabled to true in {CONFIG_NAME}"
        )
    able = " or ".join(entry.title for entry in PLATFORMS.values() if entry.capabilities.assignment)
    raise UsageError(
        f"no platform in {CONFIG_NAME} can give tasks to chosen people: name {able} under platforms"
    )


class _Run:
    """One run on one platform."""

    def __init__(self, workspace: Workspace, platform: str, router: Router, now: datetime) -> None:
        self.workspace = workspace
        self.platform = platform
        self.router = router
        self.now = now
        self.rules = rules_of(workspace.config)
        self.result = Routed()

    def foresee(self) -> Routed:
        """Return what a run would do."""
        assigned = read_assigned(self.workspace, self.platform, self.router)
        board = read_board(self.workspace, self.platform, assigned, self.now)
        decision = decide(board, self.rules)
        self.result.taken_back = _by_reason(decision.taken_back)
        unplaced = {task_id for task_id, offer in board.offers.items() if not offer.placed}
        wanted = unplaced.intersection(decision.wanted())
        self.result.pushed, self.result.later = len(wanted), len(unplaced) - len(wanted)
        return self._told(board, decision, assigned)

    def carry_out(self, pushed: Pushed | None) -> Routed:
        """Do it."""
        if pushed is not None:
            self.result.pushed, self.result.later = pushed.total, pushed.later
            self.result.rejected = len(pushed.rejected)
        assigned = read_assigned(self.workspace, self.platform, self.router)
        if self._finish(assigned):
            assigned = read_assigned(self.workspace, self.platform, self.router)
        board = read_board(self.workspace, self.platform, assigned, self.now)
        decision = decide(board.placed(), self.rules)
        if decision.taken_back or assigned.stray:
            self._take_back(assigned, decision)
            strays, assigned = len(assigned.stray), read_assigned(self.workspace, self.platform, self.router)
            self.result.taken_back = _by_reason(self._gone(assigned, decision), strays)
            board = read_board(self.workspace, self.platform, assigned, self.now)
            decision = decide(board.placed(), self.rules)
        self._switch(assigned, decision)
        if self.result.switched_on:  # which tells what people had answered or begun there
            assigned = read_assigned(self.workspace, self.platform, self.router)
            board = read_board(self.workspace, self.platform, assigned, self.now)
            decision = decide(board.placed(), self.rules)
        self._give(assigned, decision)
        return self._told(board, decision, assigned)

    def _take_back(self, assigned: Assigned, decision: Decision) -> None:
        pairs = [(each.person_id, each.task_id, reason in LAPSED_BY) for each, reason in decision.taken_back]
        with self.workspace.store.write() as connection:
            begin_take_back(connection, self.platform, pairs, self.now)
        for unseen in (True, False):  # whoever opened theirs since it was read keeps it
            some = [it for it, why in decision.taken_back if (why in WHILE_UNSEEN) is unseen]
            chosen = ((it.task_id, assigned.open[it.person_id, it.task_id]) for it in some)
            for container, taken in by_container(assigned, chosen).items():
                self.router.take_back(container, taken, unseen=unseen)
        stray: dict[str, list[Assignment]] = {}
        for _, container, each in assigned.stray:
            stray.setdefault(container, []).append(each)
        for container, given in stray.items():
            self.router.take_back(container, given)
        self._finish(assigned)

    def _gone(self, assigned: Assigned, decision: Decision) -> list[tuple[Reservation, Reason]]:
        """Return what was taken back, without what its person opened in that moment: it did not lapse."""
        opened = {
            key
            for key, it in assigned.open.items()
            if it.served_at is not None and it.state is AssignmentState.OPEN
        }
        stays = {
            (it.person_id, it.task_id)
            for it, why in decision.taken_back
            if why in WHILE_UNSEEN and (it.person_id, it.task_id) in opened
        }
        if stays:
            with self.workspace.store.write() as connection:
                begin_take_back(
                    connection, self.platform, ((*pair, False) for pair in sorted(stays)), self.now
                )
                finish_take_back(connection, stays, self.now)
        return [each for each in decision.taken_back if (each[0].person_id, each[0].task_id) not in stays]

    def _finish(self, assigned: Assigned) -> bool:
        """Look whether somebody answered what was just taken from them, and give it back; return whether any did.

        A draft that was saved in that moment is given back where the clock took the task, so that nobody loses work to
        it; one that was there before has had its time.
        """
        with self.workspace.store.read() as connection:
            pairs = unfinished(connection, self.platform)
        late: list[tuple[str, Assignment]] = []
        for container, some in self._standing(assigned, pairs).items():
            said = self.router.responses(container, sorted({remote for _, _, remote, _ in some}))
            for person_id, task_id, remote, expired in some:
                account = assigned.accounts.get(person_id)
                found = None if account is None else said.get((remote, account))
                if account is None or found is None:
                    continue
                (status, at), before = found, assigned.open.get((person_id, task_id))
                begun_at = None if before is None else before.begun_at
                is_draft = status is AnnotationStatus.DRAFT
                if is_draft and (not expired or (begun_at is not None and at <= begun_at)):
                    continue
                late.append((task_id, before or Assignment(remote, account, 0, self._expires_at())))
        for container, given in by_container(assigned, late).items():
            self.router.assign(container, given)
        with self.workspace.store.write() as connection:
            finish_take_back(connection, [(person_id, task_id) for person_id, task_id, _ in pairs], self.now)
        self.result.late += len(late)
        return bool(late)

    def _standing(
        self, assigned: Assigned, pairs: Iterable[tuple[str, str, bool]]
    ) -> dict[str, list[tuple[str, str, str, bool]]]:
        """Return the (person, task, the platform's id of it, whether it expired) by dataset."""
        found: dict[str, list[tuple[str, str, str, bool]]] = {}
        for person_id, task_id, expired in pairs:
            if (place := assigned.places.get(task_id)) is not None:
                found.setdefault(place.container_id, []).append(
                    (person_id, task_id, place.remote_id, expired)
                )
        return found

    def _give(self, assigned: Assigned, decision: Decision) -> None:
        expires_at = self._expires_at()
        new = [
            (
                each.task_id,
                Assignment(
                    assigned.places[each.task_id].remote_id,
                    assigned.accounts[each.person_id],
                    each.position,
                    expires_at,
                ),
            )
            for each in decision.given
        ]
        for container, some in by_container(assigned, new).items():
            self.router.assign(container, some)
        self.result.given = len(new)

    def _expires_at(self) -> datetime | None:
        hours = self.workspace.config.routing.expires_hours
        return None if hours is None else self.now + timedelta(hours=hours)

    def _switch(self, assigned: Assigned, decision: Decision) -> None:
        """Let people see their own tasks alone, once somebody gets any; what they began stays theirs."""
        stands = {place.container_id for place in assigned.places.values()} - assigned.routed
        if not decision.waiting() and not assigned.answered:
            self.result.open = len(stands)
            return
        for container in sorted(stands):
            self.router.switch(container, routed=True)
        self.result.switched_on = len(stands)

    def _told(self, board: Board, decision: Decision, assigned: Assigned) -> Routed:
        self.result.unknown = assigned.unknown
        new, waiting = Counter(each.person_id for each in decision.given), decision.waiting()
        self.result.given = len(decision.given)
        why = Explanation(after_decision(board, decision), self.rules)
        practice = self.rules.practice
        self.result.people = [
            RoutedPerson(
                person_id,
                waiting[person_id],
                new[person_id],
                len(worker.answered),
                None if practice is None else practice.stage(worker.results),
                full := why.full(person_id),
                dict(why.person(person_id).most_common()) if full is None else {},
            )
            for person_id, worker in board.workers.items()
        ]
        return self.result


def _by_reason(taken_back: Iterable[tuple[Reservation, Reason]], stray: int = 0) -> dict[Reason, int]:
    """Return how many assignments are taken back for each reason, the most frequent first."""
    reasons = Counter(reason for _, reason in taken_back)
    reasons[Reason.NO_ACCOUNT] += stray
    return {reason: count for reason, count in reasons.most_common() if count}


def after_decision(board: Board, decision: Decision) -> Board:
    """Return the board as it is once a decision was carried out."""
    given = (Reservation(it.person_id, it.task_id, it.position) for it in decision.given)
    return replace(board, reservations=(*decision.kept, *given))


@dataclass(frozen=True, slots=True)
class Moved:
    """How many assignments were made and taken back, and tasks placed and rejected, on all platforms."""

    given: int = 0
    taken_back: int = 0
    pushed: int = 0
    rejected: int = 0


def keep_routed(workspace: Workspace) -> Moved:
    """Give people what comes next, where people are given tasks of their own; nothing happens where they are not.

    Raises:
        WorkbenchError: a platform failed.
    """
    if not any(routes(workspace, name) for name in workspace.config.platforms.names()):
        return Moved()
    routed = route_tasks(workspace).values()
    return Moved(
        sum(it.given for it in routed),
        sum(sum(it.taken_back.values()) for it in routed),
        sum(it.pushed for it in routed),
        sum(it.rejected for it in routed),
    )
