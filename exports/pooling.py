"""Answers about the same thing, pooled: the latest of each person counts, and each of the others says why not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, TypeVar

from exports.omissions import Omission, OmissionReason
from exports.verdicts import age
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from workspaces.records import Annotation, Task


class Answer(Protocol):
    """An answer, its task, what it is about (equal keys mean the same thing), and what it says of that."""

    @property
    def annotation(self) -> Annotation: ...  # noqa: D102
    @property
    def task(self) -> Task: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def says(self) -> object: ...  # noqa: D102


AnswerT = TypeVar("AnswerT", bound=Answer)


def pooled(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    read: Callable[[Task, Annotation], AnswerT | OmissionReason],
) -> tuple[dict[str, list[AnswerT]], list[Omission]]:
    """Return the answers that count by what they are about, sorted by it, and all others as omissions.

    The latest answer of a person counts; where several of the latest time say different things, none of them does.

    Args:
        tasks: by id; one that nobody answered is an omission.
        annotations: the latest revision of each.
        read: returns a submitted answer to a task that was asked once, or why it is in no row.
    """
    omissions: list[Omission] = []
    answered = set()
    given: dict[str, dict[str, list[AnswerT]]] = defaultdict(lambda: defaultdict(list))
    for annotation in sorted(annotations, key=age):
        answered.add(annotation.task_id)
        each = _read(tasks.get(annotation.task_id), annotation, read)
        if isinstance(each, OmissionReason):
            omissions.append(Omission(each, annotation.task_id, annotation.id))
            continue
        given[each.key][annotation.person_id].append(each)
    found: dict[str, list[AnswerT]] = defaultdict(list)
    for key, by_person in given.items():
        for of_person in by_person.values():
            counted, left_out = _latest(of_person)
            found[key] += counted
            omissions += left_out
    omissions += [Omission(OmissionReason.NOT_ANSWERED, task_id) for task_id in tasks.keys() - answered]
    latest = {key: sorted(found[key], key=lambda it: it.annotation.id) for key in sorted(found) if found[key]}
    return latest, omissions


def _latest(given: Sequence[AnswerT]) -> tuple[list[AnswerT], list[Omission]]:
    """Return the answer of a person that counts, or none, and the others as omissions; they are given by age."""
    last = given[-1]
    at_once = [it for it in given if it.annotation.updated_at == last.annotation.updated_at]
    contradicted = any(it.says != last.says for it in at_once)
    counted = [] if contradicted else [last]
    omissions = [
        Omission(
            OmissionReason.CONTRADICTED if contradicted and it in at_once else OmissionReason.ANSWERED_AGAIN,
            it.task.id,
            it.annotation.id,
        )
        for it in given
        if it not in counted
    ]
    return counted, omissions


def _read(
    task: Task | None,
    annotation: Annotation,
    read: Callable[[Task, Annotation], AnswerT | OmissionReason],
) -> AnswerT | OmissionReason:
    if task is None:
        return OmissionReason.UNKNOWN_TASK
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return OmissionReason.NOT_SUBMITTED
    return OmissionReason.ASKED_AGAIN if task.reask_of is not None else read(task, annotation)


def majority(answers: Iterable[str]) -> str | None:
    """Return the answer that more than half of several answers are; None where there is none."""
    counts: dict[str, int] = defaultdict(int)
    for answer in answers:
        counts[answer] += 1
    return next((answer for answer, count in counts.items() if 2 * count > sum(counts.values())), None)


def agreed(votes: Iterable[str | None]) -> str | None:
    """Return what was decided about a text; None where nothing was, or different things of equal texts."""
    said = {vote for vote in votes if vote is not None}
    return said.pop() if len(said) == 1 else None
