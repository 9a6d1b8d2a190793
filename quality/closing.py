"""Which items are settled: their answers are sure enough, or all that were wanted have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus
from workspaces.store.closings import Closing, closing_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from workspaces.records import Annotation, ItemPosterior, Task

LEAST_PEOPLE = 2
"""One answer never settles an item by itself, however sure the model of people is."""


def closed(
    posteriors: Iterable[ItemPosterior],
    annotations: Iterable[Annotation],
    tasks: Mapping[str, Task],
    sure: float,
) -> Iterator[Closing]:
    """Yield what has closed: questions whose most probable value has a probability of at least ``sure``, and those of
    items that as many people answered as were asked, or whose task closed early.

    Args:
        posteriors: as ``item_posteriors`` returns them.
        annotations: the answers that count, those about own conversations as well.
        tasks: by id.
        sure: probability from which an item is settled, over 0.5 to 1.
    """
    people: dict[tuple[str, str], set[str]] = {}
    wanted: dict[tuple[str, str], int] = {}
    ended: set[tuple[str, str]] = set()
    for annotation in annotations:
        if annotation.status is AnnotationStatus.SUBMITTED:
            task = tasks[annotation.task_id]
            for item in kind_of(task.kind).items(task.message_ids, task.conversation_ids):
                about = (task.kind, item)
                people.setdefault(about, set()).add(annotation.person_id)
                wanted[about] = max(wanted.get(about, 0), task.overlap)
                if task.closed_at is not None:
                    ended.add(about)
    for posterior in posteriors:
        about = (posterior.kind, posterior.item)
        answered = len(people.get(about, ()))
        is_sure = posterior.probability >= sure and posterior.n_answers >= LEAST_PEOPLE
        if is_sure or about in ended or (about in wanted and answered >= wanted[about]):
            key = closing_key(posterior.kind, posterior.question, posterior.item)
            yield Closing(key, posterior.probability, posterior.n_answers)


def settled(
    tasks: Iterable[Task], posteriors: Iterable[ItemPosterior], sure_of: Callable[[Task], float | None]
) -> list[str]:
    """Return the ids of the open tasks that need no more answers.

    Such a task may close early: it has ``least_answers``. At least so many people answered each of its questions that
    have options, and the most probable value of each has the probability that its mix asks for.

    Args:
        tasks: any.
        posteriors: as ``item_posteriors`` returns them.
        sure_of: returns from which probability on a task closes; None: never.
    """
    open_tasks = [it for it in tasks if it.least_answers is not None and it.closed_at is None]
    asked = {
        it.id: {
            (it.kind, *about)
            for about in kind_of(it.kind)
            .showing(len(it.message_ids))
            .voted_on(it.message_ids, it.conversation_ids)
        }
        for it in open_tasks
    }
    wanted = set().union(*asked.values())
    known = {
        about: posterior
        for posterior in posteriors
        if (about := (posterior.kind, posterior.question, posterior.item)) in wanted
    }
    return [
        it.id
        for it in open_tasks
        if (sure := sure_of(it)) is not None
        and asked[it.id]
        and asked[it.id] <= known.keys()
        and all(
            known[about].probability >= sure and known[about].n_answers >= (it.least_answers or LEAST_PEOPLE)
            for about in asked[it.id]
        )
    ]
