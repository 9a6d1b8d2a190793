"""Draws tasks by the project lead's mix: weights of kinds and of significance, quotas, and a limit."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, log
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from task_generators.allotment import chosen, most_behind, unit
from task_generators.candidates import LEVELS
from task_generators.queues import SPARE, Cell, Queue
from task_generators.traits import DIMENSIONS, Traits
from workspaces.config.generation import EACH
from workspaces.kinds import kind_of
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from task_generators.blocks import Block
    from task_generators.candidates import TaskCandidate
    from task_generators.queues import Value
    from workspaces.config import MixConfig
    from workspaces.keys import Places
    from workspaces.records import Task

_Pick: TypeAlias = "tuple[str, int, int]"
"""The kind of a candidate that is drawn, the place of its cell, and its number in the pool."""

_AGAIN = "re-ask"
"""The purpose of a repetition that asks the same people again."""

_SLOW = 20
"""Rounds after which a search for the total that all quotas allow takes larger steps."""


def no_traits(_candidate: TaskCandidate) -> Traits:
    """Return that nothing is known of a candidate."""
    return Traits()


@dataclass(slots=True)
class Standing:
    """The tasks that a mix has made: how many of each kind, and about each value, by (dimension, value)."""

    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The number of tasks."""
        return self.kinds.total()

    def add(self, kind: str, traits: Traits) -> None:
        """Count one more task."""
        self.kinds[kind] += 1
        self.values.update((name, value) for name, some in traits.values().items() for value in some)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, in order; ``held_back`` counts the candidates that a quota left, by (dimension, value).

    ``full`` is whether there was room for no more.
    """

    candidates: tuple[TaskCandidate, ...] = ()
    held_back: Mapping[tuple[str, str], int] = field(default_factory=dict)
    full: bool = False


class Pool:
    """The candidates of one mix; of many alike it keeps only as many as can be drawn."""

    def __init__(
        self,
        mix: MixConfig,
        traits: Callable[[TaskCandidate], Traits] = no_traits,
        most: int | None = None,
    ) -> None:
        """Args: ``most``: so many are drawn at most, those included that are skipped then; None: all."""
        self._mix = mix
        self._traits = traits
        self._most = most
        self._dimensions = [name for name in DIMENSIONS if getattr(mix.quotas, name)]
        self._cells: dict[str, dict[tuple[Value, ...], Cell]] = {}
        self._single: dict[int, TaskCandidate] = {}
        self._last = 0
        self._kept = 0
        self._blocks: dict[str, Block] = {}
        self.available: Counter[str] = Counter()
        """The candidates by kind, whether kept or not."""

    def add(self, candidate: TaskCandidate, traits: Traits | None = None) -> bool:
        """Add a candidate; return whether its kind and significance have a weight in the mix.

        ``traits`` spares asking for them.
        """
        mix = self._mix
        weight = mix.significance.get(candidate.significance, 0.0)
        if not weight or not mix.kinds.get(candidate.kind) or (candidate.trivial and not mix.trivial):
            return False
        self.available[candidate.kind] += 1
        values = self._bounded(traits or self._traits(candidate)) if self._dimensions else ()
        self._last -= 1
        if self._most != 0:
            self._single[self._last] = candidate
        self._cell(candidate.kind, values).add(log(unit(candidate.id)) / weight, self._last)
        if self._most is not None and len(self._single) > 2 * self._kept + SPARE:
            self._forget()
        return True

    def weighs(self, block: Block) -> NDArray[np.bool_]:
        """Return which candidates of a block have a weight in the mix by their kind and significance."""
        weights = self._weights()
        if not self._mix.kinds.get(block.kind):
            return np.zeros(len(block), np.bool_)
        weighed = weights[block.levels] > 0
        return weighed if self._mix.trivial else weighed & ~block.trivial

    def add_block(
        self, block: Block, chosen: Places, logs: NDArray[np.float64], traits: Sequence[Traits], which: Places
    ) -> None:
        """Add candidates of a block; there is one block of a kind.

        Args:
            block: of which some are added.
            chosen: the places of those, all of which have a weight.
            logs: the logarithms of their units.
            traits: what they are about.
            which: the place of each one's traits in ``traits``.
        """
        if not len(chosen):
            return
        self._blocks[block.kind] = block
        self.available[block.kind] += len(chosen)
        keys = logs / self._weights()[block.levels[chosen]]
        bounds = [self._bounded(each) for each in traits] if self._dimensions else [()] * len(traits)
        places = {values: place for place, values in enumerate(dict.fromkeys(bounds))}
        cell_of = np.array([places[values] for values in bounds], np.int64)[which]
        for values, place in places.items():
            inside = cell_of == place
            if inside.any():
                self._cell(block.kind, values).extend(keys[inside], chosen[inside].astype(np.int32))

    def draw(
        self, standing: Standing | None = None, room: int | None = None, skip: Container[str] = ()
    ) -> Drawn:
        """Draw up to ``room`` candidates, in the order in which they are to become tasks.

        The place of a candidate in its kind's queue depends on its id and its weight alone, so a draw is reproducible
        and a collection that grows only adds candidates. Kinds take turns by their shares, to which the ``standing``
        tasks count; where one has too few candidates, the others fill its place. No quota is exceeded, by the number of
        tasks that there are in the end: the draw is the largest found that keeps them all, and drawing again after it
        adds nothing.

        Source: Efraimidis and Spirakis (2006), weighted random sampling without replacement by exponential keys; here
        the logarithms of the keys are compared, so that a small weight does not underflow.
        """
        queues = {
            kind: Queue(list(cells.items()), partial(self._ids, kind), skip)
            for kind, cells in self._cells.items()
        }
        standing = standing or Standing()
        now = Standing(Counter(standing.kinds), Counter(standing.values))
        drawn: list[TaskCandidate] = []
        while True:
            left = None if room is None else room - len(drawn)
            picks = self._largest(queues, now, left)
            for kind, cell, number in picks:
                queues[kind].starts[cell] += 1
                candidate = self._candidate(kind, number)
                now.add(kind, self._traits(candidate))
                drawn.append(candidate)
            if not picks or not self._dimensions:
                full = room is not None and len(drawn) >= room
                return Drawn(tuple(drawn), self._held_back(queues, now), full)

    def _largest(self, queues: Mapping[str, Queue], standing: Standing, room: int | None) -> list[_Pick]:
        """Return the first draw that keeps the quotas by the total that it reaches, from the largest total down."""
        waiting = sum(map(len, queues.values()))
        total = standing.total + (waiting if room is None else max(0, min(room, waiting)))
        total = self._reach(queues, standing, total)
        rounds = 0
        while True:
            some = self._once(queues, standing, total)
            reached = standing.total + len(some)
            if reached >= total or not some:
                return some
            rounds += 1
            total = reached if rounds < _SLOW else min(reached, standing.total + int(len(some) * 0.98))

    def _reach(self, queues: Mapping[str, Queue], standing: Standing, total: int) -> int:
        """Return a total that no draw can exceed, by how many candidates there are of each value."""
        for name in self._dimensions:
            there: Counter[str] = Counter()
            for queue in queues.values():
                for values, count in queue.cells():
                    there.update({value: count for dimension, value in values if dimension == name})
            while True:
                reached = standing.total + sum(
                    min(count, max(0, self._cap(name, value, total) - standing.values[name, value]))
                    for value, count in there.items()
                )
                if reached >= total or total <= standing.total:
                    break
                total = max(int(reached), standing.total)
        return total

    def _once(self, queues: Mapping[str, Queue], standing: Standing, total: int) -> list[_Pick]:
        """Return the draw that makes up to ``total`` tasks of all, by the quotas that hold then."""
        made, about = Counter(standing.kinds), Counter(standing.values)
        caps = {
            key: self._cap(*key, total)
            for queue in queues.values()
            for values in queue.values
            for key in values
        }
        heads = {
            kind: [
                (int(ranks[start]), cell, start)
                for cell, (ranks, start) in enumerate(zip(queue.ranks, queue.starts, strict=True))
                if start < len(ranks)
            ]
            for kind, queue in queues.items()
        }
        for heap in heads.values():
            heapq.heapify(heap)
        weights = {kind: self._mix.kinds[kind] for kind in queues}
        some: list[_Pick] = []
        while weights and standing.total + len(some) < total:
            kind = most_behind(weights, made)
            if not heads[kind]:
                del weights[kind]
                continue
            queue = queues[kind]
            rank, cell, place = heads[kind][0]
            values = queue.values[cell]
            if any(about[key] >= caps[key] for key in values):
                heapq.heappop(heads[kind])  # what a quota leaves now, it leaves until the end
                continue
            ranks = queue.ranks[cell]
            if place + 1 < len(ranks):
                heapq.heapreplace(heads[kind], (int(ranks[place + 1]), cell, place + 1))
            else:
                heapq.heappop(heads[kind])
            about.update(values)
            made[kind] += 1
            some.append((kind, cell, int(queue.numbers[rank])))
        return some

    def _held_back(self, queues: Mapping[str, Queue], standing: Standing) -> Counter[Value]:
        """Return how many of the candidates that are left would each make too many tasks about a value."""
        total = standing.total + 1
        held: Counter[Value] = Counter()
        for name in self._dimensions:
            for queue in queues.values():
                for values, count in queue.cells():
                    for key in values:
                        if key[0] == name and count and standing.values[key] >= self._cap(*key, total):
                            held[key] += count
        return held

    def _cell(self, kind: str, values: tuple[Value, ...]) -> Cell:
        return self._cells.setdefault(kind, {}).setdefault(values, Cell(self._most))

    def _candidate(self, kind: str, number: int) -> TaskCandidate:
        return self._single[number] if number < 0 else self._blocks[kind].candidate(number)

    def _ids(self, kind: str, numbers: NDArray[np.int32]) -> list[str]:
        ids = np.empty(len(numbers), object)
        single = numbers < 0
        ids[single] = [self._single[number].id for number in numbers[single].tolist()]
        if not single.all():
            ids[~single] = list(self._blocks[kind].ids(numbers[~single]))
        found: list[str] = ids.tolist()
        return found

    def _forget(self) -> None:
        """Forget the candidates that no cell keeps."""
        cells = [cell for some in self._cells.values() for cell in some.values()]
        alive = [number for cell in cells for number in cell.joined()[1].tolist() if number < 0]
        self._single = {number: self._single[number] for number in alive}
        self._kept = len(alive)

    def _weights(self) -> NDArray[np.float64]:
        return np.array([self._mix.significance.get(level, 0.0) for level in LEVELS])

    def _bounded(self, traits: Traits) -> tuple[Value, ...]:
        """Return values in the dimensions that have quotas."""
        values = traits.values()
        return tuple((name, value) for name in self._dimensions for value in values[name])

    def _cap(self, dimension: str, value: str, total: int) -> float:
        """Return how many of ``total`` tasks may be about a value."""
        quota = getattr(self._mix.quotas, dimension)
        bound = quota.get(value, quota.get(EACH))
        if bound is None:
            return inf
        return int(bound * total + 1e-9) if bound <= 1 else int(bound)


def draw(
    candidates: Iterable[TaskCandidate],
    mix: MixConfig,
    existing: Mapping[str, str],
    traits: Callable[[TaskCandidate], Traits] = no_traits,
) -> list[TaskCandidate]:
    """Return the candidates to make tasks of, in the order they were drawn.

    Args:
        candidates: all candidates.
        mix: weights, quotas, and the limit on the number of all tasks.
        existing: the kinds of the existing tasks of the mix, by task id.
        traits: returns what a candidate is about; existing tasks count in no quota but by their number.
    """
    room = None if mix.limit is None else max(0, mix.limit - len(existing))
    pool = Pool(mix, traits, room)
    for candidate in candidates:
        if candidate.id not in existing:
            pool.add(candidate)
    return list(pool.draw(Standing(Counter(existing.values())), room).candidates)


def may_show_seed(kind: str) -> bool:
    """Return whether seed feedback answers questions of a kind; tasks of other kinds stay blind."""
    return bool(kind_of(kind).seeded)


def asked_again(
    tasks: Iterable[Task], share: float, overlap: int, now: datetime, have: int = 0, of: int | None = None
) -> list[Task]:
    """Return repetitions of some of these tasks, by lot.

    A repetition shows and pays the same as the task, on the same platform, where the same people work.

    Args:
        tasks: those that may be repeated; repetitions among them are not repeated again.
        share: the share of tasks to repeat, 0 to 1.
        overlap: the number of people who answer a repetition.
        now: the creation time of the repetitions.
        have: how many repetitions there are.
        of: how many tasks there are in all; None: as many as may be repeated.
    """
    first = {task.id: task for task in tasks if task.reask_of is None}
    again = chosen(first, share, have, len(first) if of is None else of, _AGAIN)
    return [repeated(task, _AGAIN, overlap, now) for task_id, task in first.items() if task_id in again]


def asks_again(task: Task) -> bool:
    """Return whether a task asks the same people a second time; any other repetition is for those who know it not."""
    return task.reask_of is not None and task.id == stable_id(_AGAIN, task.reask_of)


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks in the order in which they are pushed: what asks people again after what it repeats.

    All else stays in its order, which is that of ids by lot among tasks of one draw. A platform numbers tasks and notes
    when they came: neither tells gold from work.
    """
    return sorted(tasks, key=asks_again)


def repeated(task: Task, purpose: str, overlap: int, now: datetime) -> Task:
    """Return a repetition of a task; it never closes early."""
    return replace(
        task,
        id=stable_id(purpose, task.id),
        reask_of=task.id,
        overlap=overlap,
        least_answers=None,
        closed_at=None,
        created_at=now,
    )
