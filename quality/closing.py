"""Which items are settled: their answers are sure enough, or all that were wanted have come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from quality.stopping import LEAST_ITEMS, Crowd, sureness, tables
from workspaces.kinds import ChoiceQuestion, kind_of, question_of
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.closings import Closing, closing_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from workspaces.records import Annotation, ItemPosterior, Task

_About: TypeAlias = "tuple[str, str, str]"
"""A kind, a question of it, and an item."""

LEAST_PEOPLE = 2
"""One answer never settles an item by itself, however sure the model of people is."""


def closed(
    posteriors: Iterable[ItemPosterior],
    annotations: Iterable[Annotation],
    tasks: Mapping[str, Task],
    sure: float,
) -> Iterator[Closing]:
    """Yield what has closed: questions whose most probable value has a probability of at least ``sure``, and those of
    items that as many people answered as were asked, or whose task closed early. Judgments that came with a chat log
    are votes, and none of the answers that were asked for.

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
        if annotation.status is AnnotationStatus.SUBMITTED and annotation.platform != IMPORTED:
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a mix wants of the answers to its tasks.

    With ``sure`` the most probable value has that probability; else tasks are as often right as with ``as_good_as``
    answers to each, see ``quality.stopping``. A task that is no repetition and cannot close early is of the audit
    slice: it closes at ``as_good_as`` answers, whatever they say.
    """

    as_good_as: int
    sure: float | None = None

    def audits(self, task: Task) -> bool:
        """Return whether a task is of the audit slice, and closes at ``as_good_as`` answers."""
        return self.sure is None and task.least_answers is None and task.reask_of is None


def settled(
    tasks: Iterable[Task],
    posteriors: Iterable[ItemPosterior],
    wanted_of: Callable[[Task], Wanted | None],
) -> list[str]:
    """Return the ids of the open tasks that need no more answers.

    A task with ``least_answers`` may close early: at least so many people answered each of its questions that have
    options, and each answer is as sure as its mix wants. Where too little is known of a question to tell, it takes
    ``as_good_as`` answers. One of the audit slice takes these always.

    Args:
        tasks: any.
        posteriors: as ``item_posteriors`` returns them.
        wanted_of: returns what is wanted of a task; None: it never closes early.
    """
    known = _Known(posteriors)
    return [
        it.id
        for it in tasks
        if it.closed_at is None
        and (wanted := wanted_of(it)) is not None
        and (it.least_answers is not None or wanted.audits(it))
        and (asked := _asked(it))
        and all(known.settles(about, it, wanted) for about in asked)
    ]


def _asked(task: Task) -> set[_About]:
    kind = kind_of(task.kind).showing(len(task.message_ids))
    return {(task.kind, *about) for about in kind.voted_on(task.message_ids, task.conversation_ids)}


class _Known:
    """Posteriors, and what they tell about the crowd that answers each question."""

    def __init__(self, posteriors: Iterable[ItemPosterior]) -> None:
        self._of: dict[_About, ItemPosterior] = {}
        self._by_question: dict[tuple[str, str], list[ItemPosterior]] = {}
        for posterior in posteriors:
            self._of[posterior.kind, posterior.question, posterior.item] = posterior
            self._by_question.setdefault((posterior.kind, posterior.question), []).append(posterior)
        self._crowds: dict[tuple[str, str], tuple[Crowd, dict[str, float]] | None] = {}
        self._thresholds: dict[tuple[str, str, int, int, int], float | None] = {}

    def settles(self, about: _About, task: Task, wanted: Wanted) -> bool:
        """Return whether what is known of a question about an item is enough."""
        posterior = self._of.get(about)
        if posterior is None:
            return False
        if wanted.audits(task):
            return posterior.n_answers >= wanted.as_good_as
        least = task.least_answers or LEAST_PEOPLE
        if posterior.n_answers < least:
            return False
        if wanted.sure is not None or posterior.adjudicated:
            return posterior.probability >= (wanted.sure or 0.0)
        found = self._crowd(about[:2])
        sure = None if found is None else self._threshold(found[0], about[:2], wanted.as_good_as, least, task)
        if found is None or sure is None:
            return posterior.n_answers >= wanted.as_good_as
        return found[1][posterior.item] >= sure

    def _crowd(self, question: tuple[str, str]) -> tuple[Crowd, dict[str, float]] | None:
        """Return the crowd, and how sure each item is; None: too few items have several answers."""
        if question not in self._crowds:
            self._crowds[question] = self._estimated(question)
        return self._crowds[question]

    def _estimated(self, question: tuple[str, str]) -> tuple[Crowd, dict[str, float]] | None:
        asked = question_of(*question)
        some = [each for each in self._by_question[question] if not each.adjudicated]
        if (
            not isinstance(asked, ChoiceQuestion)
            or sum(each.n_answers >= LEAST_PEOPLE for each in some) < LEAST_ITEMS
        ):
            return None
        mirror = asked.mirror
        turned = (
            None if mirror is None else [asked.classes.index(str(mirror.get(it, it))) for it in asked.classes]
        )
        counts, probabilities = tables(some, asked.classes)
        crowd = Crowd.of(counts, probabilities, turned)
        sure = sureness(crowd, counts, probabilities)
        return crowd, dict(zip((each.item for each in some), sure.tolist(), strict=True))

    def _threshold(
        self, crowd: Crowd, question: tuple[str, str], answers: int, least: int, task: Task
    ) -> float | None:
        key = (*question, answers, least, task.overlap)
        if key not in self._thresholds:
            self._thresholds[key] = crowd.as_sure_as(answers, least, max(task.overlap, answers))
        return self._thresholds[key]
