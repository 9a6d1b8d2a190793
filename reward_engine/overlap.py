"""Who is paid for a task that more people answered than its overlap says, and how many answers it still needs. Pure.

Where the rules of a task refuse to pay beyond its overlap, the first people whose answers earn are paid. The order is
that in which answers came in, not that of any clock, so that a person who is within the overlap stays there as long as
their answer earns: whatever comes later stands behind them, also an answer that the lead accepts later, or one that
earned nothing for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine.rates import earned
from workspaces.kinds import kind_of
from workspaces.records import Annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from reward_engine.rules import RuleBook
    from workspaces.records import Task
    from workspaces.store.annotations import AnnotationRevision


def limit(task: Task, book: RuleBook) -> int | None:
    """Return how many people are paid for a task; None: all who answer it.

    The rules that the task was offered under decide. A version that was used before versions were recorded pays all.
    """
    version = book.named(task.rules_version)
    return task.overlap if version is not None and version.rates.beyond_overlap == "refuse" else None


def payable(task: Task, book: RuleBook, people: Mapping[str, int]) -> int:
    """Return how many people can come to be paid for a task: its overlap, or everybody who can answer.

    Args:
        task: of any kind.
        book: every version of the rates.
        people: how many can answer, by platform.
    """
    paid = limit(task, book)
    return max(task.overlap, people.get(task.platform, 0)) if paid is None else paid


def crowded(tasks: Mapping[str, Task], annotations: Iterable[Annotation], book: RuleBook) -> set[str]:
    """Return the tasks whose answers, as far as can be told without their history, come from more people than are
    paid.
    """
    people: dict[str, set[str]] = {}
    for annotation in annotations:
        people.setdefault(annotation.task_id, set()).add(annotation.person_id)
    limits = {task_id: limit(tasks[task_id], book) for task_id in people}
    return {
        task_id
        for task_id, answered in people.items()
        if (paid := limits[task_id]) is not None and len(answered) > paid
    }


def beyond(
    tasks: Mapping[str, Task],
    revisions: Iterable[AnnotationRevision],
    book: RuleBook,
    response_of: Callable[[Task], str | None],
    accepted_after: Mapping[tuple[str, str], int] | None = None,
    kept: Collection[tuple[str, str]] = (),
) -> frozenset[tuple[str, str]]:
    """Return who is not paid for which task: pairs of (person, task).

    Args:
        tasks: by id.
        revisions: every genuine revision of the answers to the tasks in question.
        book: every version of the rates.
        response_of: returns the text that a rewrite in the task would replace; None if it is not known.
        accepted_after: the number of the last revision before a person was accepted on a platform, by (person,
            platform); their answers until then came in after it.
        kept: who keeps the points for which task whatever is left of the answer, as (person, task):
            ``settlement.kept_places``.
    """
    accepted_after = accepted_after or {}
    places: dict[str, list[tuple[int, bool, int, str]]] = {}
    for (person_id, task_id), start in _earning_since(tasks, revisions, response_of, kept).items():
        accepted = accepted_after.get((person_id, tasks[task_id].platform), 0)
        places.setdefault(task_id, []).append((max(start, accepted), start <= accepted, start, person_id))
    return frozenset(
        (place[-1], task_id)
        for task_id, order in places.items()
        for place in sorted(order)[limit(tasks[task_id], book) :]
    )


def _earning_since(
    tasks: Mapping[str, Task],
    revisions: Iterable[AnnotationRevision],
    response_of: Callable[[Task], str | None],
    kept: Collection[tuple[str, str]],
) -> dict[tuple[str, str], int]:
    """Return since which revision each person's answer to a task has earned something without a break."""
    earning: dict[tuple[str, str], set[str]] = {}
    since: dict[tuple[str, str], int] = {}
    for revision in sorted(revisions, key=lambda revision: (revision.number or 0, revision.revision)):
        who = (revision.person_id, revision.task_id)
        now_earning = earning.setdefault(who, set())
        if who in kept or _earns(tasks[revision.task_id], revision, response_of):
            if not now_earning:
                since[who] = revision.number or 0
            now_earning.add(revision.annotation_id)
        else:
            now_earning.discard(revision.annotation_id)
            if not now_earning:
                since.pop(who, None)
    return since


def _earns(task: Task, revision: AnnotationRevision, response_of: Callable[[Task], str | None]) -> bool:
    answer = Annotation(
        id=revision.annotation_id,
        task_id=revision.task_id,
        person_id=revision.person_id,
        platform=revision.platform,
        status=revision.status,
        revision=revision.revision,
        values=revision.answers,
        updated_at=revision.updated_at,
    )
    response = response_of(task) if kind_of(task.kind).rewrite_in(answer.values) else None
    return any(earned(task.kind, task.quote, answer, response, len(task.message_ids)).values())


def remaining(
    tasks: Iterable[Task], answers: Mapping[str, int], wanted: Callable[[Task], int] | None = None
) -> dict[str, int]:
    """Return how many answers each open task still needs, by task id; ``answers`` counts the answers it has.

    ``wanted`` returns how many a task gets in all; None: its overlap.
    """
    left = {
        task.id: (task.overlap if wanted is None else wanted(task)) - answers.get(task.id, 0)
        for task in tasks
    }
    return {task_id: count for task_id, count in left.items() if count > 0}
