"""Responses that people judged for harm: which kinds are in them, how bad they are, and who would be harmed."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, distinct, models_of, whence
from exports.judgments import Act, Judged
from exports.omissions import Omission, OmissionReason
from exports.pairs import origin_of
from exports.pooling import agreed, majority, pooled
from exports.verdicts import shown_responses, sorted_omissions
from workspaces.kinds import MultipleChoiceQuestion, kind_of
from workspaces.kinds.multiple import NO, YES
from workspaces.records import IMPORTED, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.judgments import Judgment
    from exports.pairs import Origin
    from exports.weights import Weights
    from workspaces.kinds import Kind
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions

HARM, SEVERITY, HARMED = "harm", "severity", "harmed"
"""The questions of a kind that asks for harm; it may leave out the last two."""


@dataclass(frozen=True, slots=True)
class PersonalHarm:
    """What one person says of a response; ``harms`` are the categories, sorted, and empty for none."""

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    harms: tuple[str, ...]
    severity: str | None
    harmed: str | None
    from_log: bool = False


@dataclass(frozen=True, slots=True)
class JudgedHarm:
    """A response to a prompt, and everybody who judged its harm.

    ``flags`` says of each category, in the order of the question, what more than half of the people say or a lead
    decided; None where there is neither. ``severity`` and ``harmed`` are the same. ``harm_id`` depends on the kind,
    the prompt and the text alone.
    """

    harm_id: str
    kind: str
    prompt: Prompt
    text: str
    flags: tuple[tuple[str, bool | None], ...]
    severity: str | None
    harmed: str | None
    given: tuple[PersonalHarm, ...]
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
        """The same as ``harm_id``: every export item has an id."""
        return self.harm_id

    @property
    def person_ids(self) -> set[str]:
        """The people who judged it."""
        return {each.person_id for each in self.given}

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The answers, as the card counts them."""
        return tuple(
            Judged(each.annotation_id, each.person_id, Act.HARM, each.from_log) for each in self.given
        )

    @property
    def flagged(self) -> bool | None:
        """Whether any category is flagged; None where none is and one is undecided."""
        flags = [flag for _, flag in self.flags]
        return True if True in flags else None if None in flags else False

    def count(self, category: str) -> int:
        """Return how many people say that this category is in the response."""
        return sum(category in each.harms for each in self.given)


@dataclass(frozen=True, slots=True)
class Harms:
    """Judged responses, and the answers that are in none of them."""

    rows: tuple[JudgedHarm, ...]
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class _Harm:
    annotation: Annotation
    task: Task
    shown: Context
    harms: frozenset[str]

    @property
    def key(self) -> str:
        return stable_id("harm", self.task.kind, canonical(self.shown.prompt), self.shown.text)

    @property
    def says(self) -> object:
        return self.harms, self.said(SEVERITY), self.said(HARMED)

    def said(self, question: str) -> str | None:
        return self.annotation.values.get(question) or None


def judged_harms(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    decisions: Decisions = MappingProxyType({}),
) -> Harms:
    """Return the responses that people judged for harm.

    Answers meet where kind, prompt and text are equal; of one person, the latest counts. The arguments are those of
    ``preference_pairs``, and so is the conservation of annotations and tasks. Rows are sorted by ``harm_id``.
    """
    found, omissions = pooled(tasks, annotations, lambda task, given: _harm(task, given, contexts))
    rows = [_row(harm_id, given, weights, decisions) for harm_id, given in found.items()]
    return Harms(tuple(rows), sorted_omissions(omissions))


def harm_question(kind: Kind) -> MultipleChoiceQuestion | None:
    """Return the question of a kind that asks for categories of harm, if it has one."""
    return next(
        (it for it in kind.questions if isinstance(it, MultipleChoiceQuestion) and it.name == HARM), None
    )


def _harm(task: Task, annotation: Annotation, contexts: Mapping[str, Context]) -> _Harm | OmissionReason:
    question = harm_question(kind_of(task.kind))
    if question is None:
        return OmissionReason.NO_HARM
    chosen = question.chosen(annotation.values.get(HARM))
    if not chosen:
        return OmissionReason.HARM_UNSAID
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    return _Harm(annotation, task, shown[0], chosen - {question.none or ""})


def _row(harm_id: str, given: Sequence[_Harm], weights: Weights, decisions: Decisions) -> JudgedHarm:
    first = given[0]
    kind = kind_of(first.task.kind)
    question = harm_question(kind)
    assert question is not None
    responses = {each.shown.message.id: each.shown for each in given}.values()

    def decided(name: str) -> str | None:
        return agreed(decisions.get((kind.name, name, context.message.id)) for context in responses)

    categories = [option for option in question.options if option != question.none]
    by_lead = {name: decided(question.name_of(name)) for name in categories}
    by_lead |= {name: decided(name) for name in (SEVERITY, HARMED)}

    def said(name: str) -> str | None:
        return by_lead[name] or majority(each.said(name) or "" for each in given) or None

    votes = {name: by_lead[name] or _majority_on(name, given) for name in categories}
    return JudgedHarm(
        harm_id=harm_id,
        kind=kind.name,
        prompt=first.shown.prompt,
        text=first.shown.text,
        flags=tuple((name, None if vote is None else vote == YES) for name, vote in votes.items()),
        severity=said(SEVERITY),
        harmed=said(HARMED),
        given=tuple(
            PersonalHarm(
                annotation_id=each.annotation.id,
                task_id=each.task.id,
                person_id=each.annotation.person_id,
                weight=weights.of(each.annotation.person_id),
                harms=tuple(sorted(each.harms)),
                severity=each.said(SEVERITY),
                harmed=each.said(HARMED),
                from_log=each.task.platform == IMPORTED,
            )
            for each in given
        ),
        adjudicated=any(by_lead.values()),
        origin=origin_of(responses),
        message_ids=distinct(context.message.id for context in responses),
        models=models_of(responses),
        **whence(responses, (each.task for each in given)),
    )


def _majority_on(category: str, given: Sequence[_Harm]) -> str | None:
    return majority(YES if category in each.harms else NO for each in given)
