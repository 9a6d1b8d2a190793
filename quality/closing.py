"""Which items are settled: their answers are sure enough, or all that were wanted have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus
from workspaces.store.closings import Closing, closing_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
    items that as many people answered as were asked.

    Args:
        posteriors: as ``item_posteriors`` returns them.
        annotations: the answers that count, those about own conversations as well.
        tasks: by id.
        sure: probability from which an item is settled, over 0.5 to 1.
    """
    people: dict[tuple[str, str], set[str]] = {}
    wanted: dict[tuple[str, str], int] = {}
    for annotation in annotations:
        if annotation.status is AnnotationStatus.SUBMITTED:
            task = tasks[annotation.task_id]
            for item in kind_of(task.kind).items(task.message_ids, task.conversation_ids):
                about = (task.kind, item)
                people.setdefault(about, set()).add(annotation.person_id)
                wanted[about] = max(wanted.get(about, 0), task.overlap)
    for posterior in posteriors:
        about = (posterior.kind, posterior.item)
        answered = len(people.get(about, ()))
        is_sure = posterior.probability >= sure and posterior.n_answers >= LEAST_PEOPLE
        if is_sure or (about in wanted and answered >= wanted[about]):
            key = closing_key(posterior.kind, posterior.question, posterior.item)
            yield Closing(key, posterior.probability, posterior.n_answers)
