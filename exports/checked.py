"""Checked responses: a prompt, a response, and what people say of it by each criterion of a rubric."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, distinct, models_of, whence
from exports.judgments import Act, Judged
from exports.omissions import Omission, OmissionReason
from exports.pairs import origin_of
from exports.pooling import agreed, majority, pooled
from exports.verdicts import shown_responses, sorted_omissions
from workspaces.kinds import criteria_of, kind_of, score
from workspaces.records import IMPORTED, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.judgments import Judgment
    from exports.pairs import Origin
    from exports.weights import Weights
    from workspaces.kinds import CriterionQuestion
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions


@dataclass(frozen=True, slots=True)
class PersonalCheck:
    """What one person says of a response: the answer to each criterion, in the order of the rubric."""

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    answers: tuple[str, ...]
    from_log: bool = False


@dataclass(frozen=True, slots=True)
class CheckedResponse:
    """A response to a prompt, the criteria of one rubric, and everybody who checked it.

    ``answers`` are those of more than half of the people, or what a lead decided, in the order of the criteria; None
    where there is neither. ``check_id`` depends on the rubric, the prompt and the text alone.
    """

    check_id: str
    rubric: str
    criteria: tuple[CriterionQuestion, ...]
    prompt: Prompt
    text: str
    answers: tuple[str | None, ...]
    checks: tuple[PersonalCheck, ...]
    origin: Origin
    message_ids: tuple[str, ...]
    models: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]
    adjudicated: bool = False

    @property
    def id(self) -> str:
        """The same as ``check_id``: every export item has an id."""
        return self.check_id

    @property
    def person_ids(self) -> set[str]:
        """The people who checked it."""
        return {each.person_id for each in self.checks}

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The checks, as the card counts them."""
        return tuple(
            Judged(each.annotation_id, each.person_id, Act.CHECK, each.from_log) for each in self.checks
        )

    @property
    def score(self) -> float | None:
        """How far it meets the rubric by the answers of the majority; None where no criterion decides."""
        return score(
            self.criteria,
            {it.name: said for it, said in zip(self.criteria, self.answers, strict=True) if said is not None},
        )

    def votes(self, place: int) -> Counter[str]:
        """Return how many people gave each answer to the criterion at this place."""
        return Counter(each.answers[place] for each in self.checks)


@dataclass(frozen=True, slots=True)
class Checked:
    """Checked responses, and the answers that are in none of them."""

    rows: tuple[CheckedResponse, ...]
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class _Check:
    annotation: Annotation
    task: Task
    shown: Context
    answers: tuple[str, ...]

    @property
    def key(self) -> str:
        return stable_id("check", self.task.kind, canonical(self.shown.prompt), self.shown.text)

    @property
    def says(self) -> object:
        return self.answers


def checked_responses(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    decisions: Decisions = MappingProxyType({}),
) -> Checked:
    """Return the responses that people checked against a rubric.

    Answers meet where rubric, prompt and text are equal; of one person, the latest counts. The arguments are those of
    ``preference_pairs``, and so is the conservation of annotations and tasks. Rows are sorted by ``check_id``.
    """
    found, omissions = pooled(tasks, annotations, lambda task, given: _check(task, given, contexts))
    rows = [_row(check_id, given, weights, decisions) for check_id, given in found.items()]
    return Checked(tuple(rows), sorted_omissions(omissions))


def _check(task: Task, annotation: Annotation, contexts: Mapping[str, Context]) -> _Check | OmissionReason:
    kind = kind_of(task.kind)
    criteria = criteria_of(kind)
    if not criteria:
        return OmissionReason.NO_RUBRIC
    answers = tuple(annotation.values.get(it.name, "") for it in criteria)
    if not all(it.is_complete(answer) for it, answer in zip(criteria, answers, strict=True)):
        return OmissionReason.NOT_EVERY_CRITERION
    shown = shown_responses(task, contexts)
    return shown if isinstance(shown, OmissionReason) else _Check(annotation, task, shown[0], answers)


def _row(check_id: str, given: Sequence[_Check], weights: Weights, decisions: Decisions) -> CheckedResponse:
    first = given[0]
    responses = {each.shown.message.id: each.shown for each in given}.values()
    criteria = criteria_of(kind_of(first.task.kind))
    decided = [
        agreed(decisions.get((first.task.kind, it.name, context.message.id)) for context in responses)
        for it in criteria
    ]
    return CheckedResponse(
        check_id=check_id,
        rubric=first.task.kind,
        criteria=criteria,
        prompt=first.shown.prompt,
        text=first.shown.text,
        answers=tuple(
            said or majority([each.answers[place] for each in given]) for place, said in enumerate(decided)
        ),
        adjudicated=any(decided),
        checks=tuple(
            PersonalCheck(
                annotation_id=each.annotation.id,
                task_id=each.task.id,
                person_id=each.annotation.person_id,
                weight=weights.of(each.annotation.person_id),
                answers=each.answers,
                from_log=each.task.platform == IMPORTED,
            )
            for each in given
        ),
        origin=origin_of(responses),
        message_ids=distinct(context.message.id for context in responses),
        models=models_of(responses),
        **whence(responses, (each.task for each in given)),
    )
