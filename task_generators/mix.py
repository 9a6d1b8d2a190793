"""Draws tasks by the project lead's mix: weights of kinds and of significance, and a limit."""

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

    The position of a candidate in the draw of its kind depends on its id and its weight alone, so a draw is
    reproducible, and a collection that grows only adds candidates. Existing tasks count towards ``mix.limit`` and
    towards the share of their kind. If a kind has too few candidates, the other kinds fill its share.

    Args:
        candidates: all candidates.
        mix: weights of kinds and significance (0: never drawn), and the limit on the number of all tasks.
        existing: the kinds of the existing tasks, by task id.

    Source: Efraimidis and Spirakis (2006), weighted random sampling without replacement by exponential keys; here the
    logarithms of the keys are compared, so that a small weight does not underflow.
    """
    queues: dict[str, list[tuple[float, TaskCandidate]]] = {
        kind: [] for kind, w in mix.kinds.items() if w > 0
    }
    for candidate in candidates:
        weight = mix.significance.get(candidate.significance, 0.0)
        if candidate.id not in existing and candidate.kind in queues and weight > 0:
            queues[candidate.kind].append((log(unit(candidate.id)) / weight, candidate))
    for queue in queues.values():
        queue.sort(key=lambda entry: (entry[0], entry[1].id))  # the next one to draw is last
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
    """Return the platform of a task: by lot, in proportion to ``shares``, the same for the same task id."""
    point = unit(f"platform {task_id}") * sum(shares.values())
    for platform, share in sorted(shares.items()):
        point -= share
        if point < 0:
            return platform
    return max(shares)


def shows_seed(candidate: TaskCandidate, share: float) -> bool:
    """Return whether the task shows the seed feedback to annotators: by lot, the same for the same candidate.

    Tasks of a kind without questions that seed feedback answers stay blind.
    """
    return bool(kind_of(candidate.kind).seeded) and unit(f"show seed {candidate.id}") < share


def asked_again(tasks: Iterable[Task], share: float, overlap: int, now: datetime) -> list[Task]:
    """Return repetitions of some of these tasks: by lot, always of the same tasks.

    A repetition shows and pays the same as the task, on the same platform, where the same people work.

    Args:
        tasks: any tasks; repetitions among them are not repeated again.
        share: the share of tasks to repeat, 0 to 1.
        overlap: the number of people who answer a repetition.
        now: the creation time of the repetitions.
    """
    return [
        replace(task, id=stable_id("re-ask", task.id), reask_of=task.id, overlap=overlap, created_at=now)
        for task in tasks
        if task.reask_of is None and unit(f"re-ask {task.id}") < share
    ]


def unit(text: str) -> float:
    """Return a number in (0, 1) that depends on ``text`` alone."""
    return (int(stable_id("unit", text)[:13], 16) + 0.5) / 16**13
