"""Draws tasks by the project lead's mix: kinds, weights of significance, a bound."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING

from workspaces.kinds import kind_of
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from task_generators.candidates import TaskCandidate
    from workspaces.config import MixConfig
    from workspaces.records import Task


def draw(
    candidates: Iterable[TaskCandidate], mix: MixConfig, existing: Mapping[str, str]
) -> list[TaskCandidate]:
    """Return the candidates to make tasks of, in the order they were drawn.

    A candidate's place depends on its id and its weight alone (weighted sampling without replacement by
    exponential keys, compared by their logarithms, which no weight is too small for: Efraimidis and Spirakis
    2006), so a draw can be repeated, and a collection that grows only
    adds. Tasks that exist count against ``mix.limit`` and against the share of their kind; where a kind has too
    few candidates, the others fill its place.

    Args:
        candidates: everything that could be a task.
        mix: weights of kinds and significance (a weight of 0: never), and how many tasks there may be in all.
        existing: the kinds of the tasks that exist, by task id.
    """
    queues: dict[str, list[tuple[float, TaskCandidate]]] = {
        kind: [] for kind, w in mix.kinds.items() if w > 0
    }
    for candidate in candidates:
        weight = mix.significance.get(candidate.significance, 0.0)
        if candidate.id not in existing and candidate.kind in queues and weight > 0:
            queues[candidate.kind].append((log(unit(candidate.id)) / weight, candidate))
    for queue in queues.values():
        queue.sort(key=lambda entry: (entry[0], entry[1].id))  # the next one drawn stands last
    made = dict.fromkeys(queues, 0)
    for kind in existing.values():
        if kind in made:
            made[kind] += 1
    drawn: list[TaskCandidate] = []
    room = float("inf") if mix.limit is None else mix.limit - len(existing)
    while len(drawn) < room and (open_kinds := [kind for kind, queue in queues.items() if queue]):
        behind = min(open_kinds, key=lambda kind: ((made[kind] + 1) / mix.kinds[kind], kind))
        made[behind] += 1
        drawn.append(queues[behind].pop()[1])
    return drawn


def choose_platform(task_id: str, shares: Mapping[str, float]) -> str:
    """Return the platform that a task goes to: by lot, in proportion to ``shares``, always the same one."""
    point = unit(f"platform {task_id}") * sum(shares.values())
    for platform, share in sorted(shares.items()):
        point -= share
        if point < 0:
            return platform
    return max(shares)


def shows_seed(candidate: TaskCandidate, share: float) -> bool:
    """Tell whether annotators see the seed feedback with this task: by lot, always the same answer.

    A kind none of whose questions seed feedback answers stays blind.
    """
    return bool(kind_of(candidate.kind).seeded) and unit(f"show seed {candidate.id}") < share


def asked_again(tasks: Iterable[Task], share: float, overlap: int, now: datetime) -> list[Task]:
    """Return the second tasks of those that are asked again: by lot, always the same ones.

    A second task shows and pays what the first one does, on the same platform, where the same people are.

    Args:
        tasks: any, second ones included; these are not asked a third time.
        share: how many of them, 0 to 1.
        overlap: people who answer a second task.
        now: when they are made.
    """
    return [
        replace(task, id=stable_id("re-ask", task.id), reask_of=task.id, overlap=overlap, created_at=now)
        for task in tasks
        if task.reask_of is None and unit(f"re-ask {task.id}") < share
    ]


def unit(text: str) -> float:
    """Return a number in (0, 1) that depends on ``text`` alone."""
    return (int(stable_id("unit", text)[:13], 16) + 0.5) / 16**13
