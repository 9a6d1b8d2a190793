"""Puts tasks on their platforms."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore, say_nothing
from chatfeedback.steps.assignments import router_of, routes
from chatfeedback.steps.closing import close_settled
from chatfeedback.steps.guided_forms import forms_on
from chatfeedback.steps.just_in_time import needed_now
from chatfeedback.steps.pace import Pace
from chatfeedback.steps.platform_settings import keep_settings
from chatfeedback.steps.rejected import reject, still_rejected
from chatfeedback.steps.rewrites import moot, read_rewrites, withdraw_moot
from chatfeedback.steps.rules import use_rules
from chatfeedback.steps.withdraw import withdraw_from
from reward_engine.overlap import limit
from task_generators.content import content_of
from task_generators.mix import in_order
from workspaces.errors import WorkbenchError, together
from workspaces.kinds import asked_kinds, kind_of
from workspaces.platforms.base import GUIDELINES
from workspaces.records import SharingState
from workspaces.store.conversations import ids_in
from workspaces.store.rejections import drop_rejections
from workspaces.store.rewrites import all_showing_rewrites, showing_rewrites
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.standing import standing
from workspaces.store.tasks import (
    placed_kinds,
    placed_overlaps,
    save_placements,
    unplaced_kinds,
    unplaced_tasks,
)
from workspaces.store.withdrawals import begin_push, end_push, pending
from workspaces.sync import lose_missing
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance, Tell
    from chatfeedback.steps.platform_settings import Drift
    from chatfeedback.steps.rejected import Rejected
    from chatfeedback.steps.rewrites import Rewrites
    from reward_engine.rules import RuleBook
    from workspaces.forms import Form
    from workspaces.platforms.base import Platform
    from workspaces.platforms.routing import Router
    from workspaces.records import Conversation, PlacedTask, SeedFeedback, Side, Task
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Pushed:
    """Counts of tasks: those placed in this run, by platform and kind, and those that were not pushed.

    ``unshared`` tasks show a conversation that is no longer shared. ``without_seed`` tasks were made to show seed
    feedback that the store no longer holds; they are not pushed blind, as they belong to the share that shows the seed.
    ``moot`` tasks show a rewrite that its writer has changed since, that is gone, or that is accepted no more.
    ``guidelines`` are the kinds whose guidelines were brought up to date where tasks stood already, by platform.
    ``lost`` are the tasks that did not stand any more where they were placed, by platform: those that still want
    answers are placed again. ``answered`` tasks have no place and want none: they have all their answers. ``closed``
    tasks were taken off early, because their answers settle them. ``later`` tasks are left for a later run: where
    people are given tasks of their own, no more stand there than they need. ``routed``: some platform is such a one.
    ``rejected`` tasks were sent in this run and not taken; ``still_rejected`` ones were not taken before, and were not
    sent because they show what they showed then. ``drifts`` are settings that somebody changed there.
    """

    placed: dict[str, dict[str, int]] = field(default_factory=dict)
    unshared: int = 0
    without_seed: int = 0
    moot: int = 0
    guidelines: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    closed: int = 0
    later: int = 0
    routed: bool = False
    rejected: list[Rejected] = field(default_factory=list)
    still_rejected: int = 0
    drifts: list[Drift] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether any task waited, also one that was not pushed."""
        blocked = self.unshared or self.without_seed or self.moot or self.rejected or self.still_rejected
        return bool(self.placed or blocked or self.lost or self.later)

    @property
    def total(self) -> int:
        """The number of tasks placed in this run."""
        return sum(count for kinds in self.placed.values() for count in kinds.values())


def push_tasks(
    workspace: Workspace,
    *,
    advance: Advance = ignore,
    tell: Tell = say_nothing,
    failures: list[WorkbenchError] | None = None,
    side: Side | None = None,
) -> Pushed:
    """Push every task that has no placement to its platform, and bring the guidelines of all tasks there up to date.

    Before, tasks that may close early and that the figures of the last report settle are taken off; their answers stay.

    A task that does not stand any more where it was placed, because it was deleted there or the server lost its data,
    is placed again as long as it wants answers; those that were given count. The guidelines say what the configuration
    says now, so its rates come into force.

    Where people are given tasks of their own (``routing``), only those are pushed that they need now, and a reserve.

    Settings that somebody changed on a platform stay as they are there, unless a ``side`` is taken.

    A platform that fails keeps no other one from getting its tasks; its failure is added to ``failures``.

    Raises:
        WorkbenchError: a platform failed, and there is no list ``failures``.
        UnknownKindError: some are of a kind that no installed package declares; nothing is pushed to their platform.
        ConfigurationError: the rates were changed without their version.
    """
    failed = failures if failures is not None else []
    with workspace.exclusive():
        result = push_to_platforms(
            workspace, workspace.config.platforms.names(), advance, failed, tell, whole=True, side=side
        )
    if failed and failures is None:
        raise together(failed)
    return result


def push_to_platforms(
    workspace: Workspace,
    names: Iterable[str],
    advance: Advance,
    failed: list[WorkbenchError],
    tell: Tell = say_nothing,
    *,
    whole: bool = False,
    side: Side | None = None,
) -> Pushed:
    """Push to some platforms; see ``push_tasks``. The caller holds the lock of the workspace.

    Of datasets and projects that get no task all settings are looked at if ``whole``, else the guidelines.
    """
    result = Pushed(closed=close_settled(workspace))
    with workspace.store.write() as connection:
        rewrites = read_rewrites(workspace, connection)
        withdraw_moot(connection, all_showing_rewrites(connection), rewrites)
    for name in names:
        with workspace.store.read() as connection:
            kinds, shows_seed = unplaced_kinds(connection, name), placed_kinds(connection, name)
            waits = bool(pending(connection, name))
        if not kinds and not shows_seed and not waits:
            continue
        for kind in kinds:
            kind_of(kind)
        book = use_rules(workspace)
        try:
            with workspace.platform(name) as platform:
                platform.check()  # before anything is recorded: a push that cannot begin leaves no trace
                router = router_of(platform) if routes(workspace, name) else None
                withdraw_from(workspace, platform)  # now: later it would remove what is pushed again
                if lost := lose_missing(workspace.store, platform, utc_now()):
                    result.lost[name] = lost
                with workspace.store.read() as connection:
                    overlaps = placed_overlaps(connection, name, standing(connection).by_task())
                keeper = _Keeper(workspace, platform, overlaps, whole, side, result)
                _push_to(workspace, platform, router, book, rewrites, result, _Told(advance, tell), keeper)
        except WorkbenchError as error:
            failed.append(error)
    return result


def _push_to(
    workspace: Workspace,
    platform: Platform,
    router: Router | None,
    book: RuleBook,
    rewrites: Rewrites,
    result: Pushed,
    told: _Told,
    keeper: _Keeper,
) -> None:
    """Push to one platform, on which every task with a placement stands; with a router only what people need."""
    name = platform.name
    result.routed = result.routed or router is not None
    with workspace.store.read() as connection:
        waiting = in_order(unplaced_tasks(connection, name))
        answers = standing(connection).by_task()
        shows_seed = placed_kinds(connection, name)
    # what has answers and stands there lost its placement with a copy of our store, not its place
    if stand := _find(platform, [task for task in waiting if answers[task.id]]):
        with workspace.store.write() as connection:
            save_placements(connection, stand, utc_now())
        there_still = {place.task_id for place in stand}
        waiting = [task for task in waiting if task.id not in there_still]
    tasks = [task for task in waiting if answers[task.id] < task.overlap]
    result.answered += len(waiting) - len(tasks)
    found = _Loaded() if router is None else _off(workspace, tasks, rewrites)
    while True:  # others take the places of those that cannot be pushed
        blocked = found.blocked
        wanted = tasks if router is None else needed_now(workspace, name, router, tasks, blocked)
        found = _loaded(workspace, wanted, rewrites, found)
        if router is None or found.blocked == blocked:
            break
    ready, conversations, seeds = found.ready, found.conversations, found.seeds
    result.unshared += len(found.unshared)
    result.moot += len(found.moot)
    result.without_seed += len(found.without_seed)
    result.still_rejected += len(found.rejected)
    result.later += len(tasks) - len(ready) - len(found.blocked)
    placed_before = sorted(shows_seed)
    for task in ready:
        shows_seed[task.kind] = shows_seed.get(task.kind, False) or task.seed_shown
    forms = forms_on(workspace, platform, shows_seed)
    for kind in placed_before:
        written = [keeper.keep(form, size) or frozenset() for size, form in forms.get(kind, {}).items()]
        if any(GUIDELINES in names for names in written):
            result.guidelines.setdefault(name, []).append(kind)
    with workspace.store.write() as connection:
        begin_push(connection, [task.id for task in ready])
    told.begin(len(ready))
    for kind, responses, overlap, chosen in _alike(ready, keeper.overlaps):
        contents = (
            content_of(task, conversations, seeds.get(task.id), _still_paid(task, book, answers[task.id]))
            for task in chosen
        )
        is_new = keeper.keep(forms[kind][responses], responses, overlap) is None
        if router is not None:
            router.prepare(forms[kind][responses], overlap)
        by_id = {task.id: task for task in chosen}

        def refuse(task_id: str, reason: str, sent: Mapping[str, Task] = by_id) -> None:
            seed = seeds.get(task_id)
            result.rejected.append(reject(workspace, sent[task_id], conversations, seed, reason))
            told.advance(1)

        for placed in platform.push(forms[kind][responses], contents, overlap, refuse):
            with workspace.store.write() as connection:
                save_placements(connection, placed, utc_now())
                end_push(connection, [place.task_id for place in placed])
                drop_rejections(connection, [place.task_id for place in placed])
            counts = result.placed.setdefault(name, {})
            counts[kind] = counts.get(kind, 0) + len(placed)
            told.advance(len(placed))
            if is_new:  # now: a run that is killed later has recorded what it wrote
                is_new = keeper.keep(forms[kind][responses], responses, overlap) is None
        if is_new:
            keeper.keep(forms[kind][responses], responses, overlap)


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Keeps the settings of one platform, all if ``whole``, else guidelines; ``overlaps`` are of what stands there."""

    workspace: Workspace
    platform: Platform
    overlaps: Mapping[tuple[str, int], int]
    whole: bool
    side: Side | None
    result: Pushed

    def keep(self, form: Form, size: int, overlap: int | None = None) -> frozenset[str] | None:
        """Return which settings were written; None where no dataset or project stands for the form."""
        if overlap is None and self.whole:
            overlap = self.overlaps.get((form.kind, size))
        kept = keep_settings(self.workspace.store, self.platform, form, overlap, self.side)
        if kept is None:
            return None
        self.result.drifts += [drift for drift in kept.drifts if drift not in self.result.drifts]
        return kept.written


class _Told:
    """Tells how far a push to one platform is, and how quickly it goes."""

    def __init__(self, advance: Advance, tell: Tell) -> None:
        self._advance = advance
        self._tell = tell
        self.begin(0)

    def begin(self, total: int) -> None:
        """Begin with so many tasks."""
        self._pace, self._done = Pace(total, monotonic()), 0

    def advance(self, count: int) -> None:
        """Move on by so many."""
        self._done += count
        self._tell(self._pace.line(self._done, monotonic()))
        self._advance(count)


@dataclass(slots=True)
class _Loaded:
    """Tasks with what they show; those that cannot be pushed are in one of the sets of ids."""

    ready: list[Task] = field(default_factory=list)
    conversations: Mapping[str, Conversation] = field(default_factory=dict)
    seeds: Mapping[str, SeedFeedback] = field(default_factory=dict)
    unshared: set[str] = field(default_factory=set)
    moot: set[str] = field(default_factory=set)
    without_seed: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    @property
    def blocked(self) -> set[str]:
        """The tasks that cannot be pushed."""
        return self.unshared | self.moot | self.without_seed | self.rejected


def _loaded(workspace: Workspace, tasks: Sequence[Task], rewrites: Rewrites, before: _Loaded) -> _Loaded:
    """Return these tasks with what they show, and what could not be pushed ``before``."""
    with workspace.store.read() as connection:
        seeds = _shown_seeds(connection, tasks)
    conversations = workspace.collection.get(i for task in tasks for i in task.conversation_ids)
    shared = [task for task in tasks if all(i in conversations for i in task.conversation_ids)]
    conversations = rewrites.all_shown(conversations)
    gone = {task.id for task in moot(shared, rewrites)} | _not_there(shared, conversations)
    there = [task for task in shared if task.id not in gone]
    seeded = [task for task in there if not task.seed_shown or task.id in seeds]
    rejected = still_rejected(workspace, seeded, conversations, seeds)
    return _Loaded(
        [task for task in seeded if task.id not in rejected],
        conversations,
        seeds,
        before.unshared | ({task.id for task in tasks} - {task.id for task in shared}),
        before.moot | gone,
        before.without_seed | ({task.id for task in there} - {task.id for task in seeded}),
        before.rejected | rejected,
    )


def _off(workspace: Workspace, tasks: Sequence[Task], rewrites: Rewrites) -> _Loaded:
    """Return which tasks cannot be pushed by what is stored, without their texts."""
    with workspace.store.read() as connection:
        shared = ids_in(connection, SharingState.SHARED)
    unshared = {task.id for task in tasks if not shared.issuperset(task.conversation_ids)}
    gone = {task.id for task in moot(tasks, rewrites)} - unshared
    return _Loaded(unshared=unshared, moot=gone)


def _find(platform: Platform, tasks: Sequence[Task]) -> list[PlacedTask]:
    """Return where tasks stand that have no placement; those that do not are left out."""
    found: list[PlacedTask] = []
    for name, kind in asked_kinds().items():
        ids = [task.id for task in tasks if task.kind == name]
        for container in kind.forms if ids else ():
            found += platform.find(container, ids)
    return found


def _still_paid(task: Task, book: RuleBook, answers: int) -> int | None:
    """Return how many more people are paid for a task that may have answers from where it stood before."""
    paid = limit(task, book)
    return None if paid is None else paid - answers


def _not_there(tasks: Iterable[Task], conversations: Mapping[str, Conversation]) -> set[str]:
    """Return the tasks that show a rewrite which is no answer in its conversation (any more)."""
    return {
        task.id
        for task in showing_rewrites(tasks)
        if not all(
            any(message.id == name for message in conversations[conversation].messages)
            for conversation, name in zip(task.conversation_ids, task.message_ids, strict=True)
        )
    }


def _shown_seeds(connection: sa.Connection, tasks: Sequence[Task]) -> dict[str, SeedFeedback]:
    """Return the seed feedback that tasks were made to show, by task id; a task whose seed is gone is missing."""
    showing = [task for task in tasks if task.seed_shown]
    if not showing:
        return {}
    seeds = {(seed.message_id, seed.agent, seed.prompt_version): seed for seed in all_seeds(connection)}
    keys = {
        task.id: (task.message_ids[0], task.seed_agent or "", task.seed_prompt_version or "")
        for task in showing
    }
    return {task_id: seeds[key] for task_id, key in keys.items() if key in seeds}


def _alike(
    tasks: Sequence[Task], overlaps: Mapping[tuple[str, int], int]
) -> Iterator[tuple[str, int, int, list[Task]]]:
    """Yield the tasks of each kind and number of responses, and the largest overlap of them and what stands there."""
    for name, kind in asked_kinds().items():
        for size in kind.sizes:
            if chosen := [task for task in tasks if task.kind == name and len(task.message_ids) == size]:
                overlap = max(overlaps.get((name, size), 0), *(task.overlap for task in chosen))
                yield name, size, overlap, chosen
