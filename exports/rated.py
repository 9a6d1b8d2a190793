"""Rated responses: a prompt, its responses, and the numbers that people's ratings of each stand for."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, clean, distinct, models_of, whence
from exports.judgments import Act, Judged
from exports.omissions import Omission, OmissionReason
from exports.pairs import origin_of
from exports.pooling import agreed
from exports.verdicts import age, sorted_omissions
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, Tag, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from exports.judgments import Judgment
    from exports.pairs import Origin
    from exports.weights import Weights
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions

LEAST, MOST = 1.0, 5.0
"""The worst and the best rating, as in UltraFeedback."""
SCORE, THUMB = "score", "thumb"
ASPECTS = {
    "instruction": "instruction_following",
    "helpful": "helpfulness",
    "factual": "truthfulness",
    "style": "style",
    "thumb": THUMB,
    "response_score": SCORE,
}
"""Questions whose higher answer is the better one, and the names of what they rate, as in UltraFeedback."""
QUALITIES = tuple(name for name in ASPECTS.values() if name not in (SCORE, THUMB))
_WORDS = {Tag.YES: MOST, Tag.NO: LEAST, "up": MOST, "down": LEAST}
_ACTS = {SCORE: Act.SCORE, THUMB: Act.THUMB}


@dataclass(frozen=True, slots=True)
class Rating:
    """One person's rating of one aspect of a response, from 1 to 5; None where they said that it does not apply."""

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    aspect: str
    value: float | None
    reason: str
    from_log: bool = False


@dataclass(frozen=True, slots=True)
class RatedResponse:
    """A text and every rating of it, by aspect and answer.

    ``decided`` are the ratings that a lead decided where people disagree, by aspect: the mean is theirs.
    """

    text: str
    origin: Origin
    message_ids: tuple[str, ...]
    models: tuple[str, ...]
    ratings: tuple[Rating, ...]
    decided: Mapping[str, float | None] = field(default_factory=dict)

    def of(self, aspect: str) -> list[Rating]:
        """Return the ratings of an aspect to which a person gave a number."""
        return [each for each in self.ratings if each.aspect == aspect and each.value is not None]

    def mean(self, aspect: str) -> float | None:
        """Return the mean rating of an aspect, or what was decided; people weigh by confidence, or alike if it is 0."""
        if aspect in self.decided:
            return self.decided[aspect]
        given = self.of(aspect)
        if not given:
            return None
        total = math.fsum(each.weight for each in given)
        weights = [each.weight / total if total else 1 / len(given) for each in given]
        values = [each.value or 0.0 for each in given]
        mean = math.fsum(weight * value for weight, value in zip(weights, values, strict=True))
        return min(max(mean, min(values)), max(values))  # rounding alone would lead out of the scale

    @property
    def fine_grained(self) -> float | None:
        """The mean over the qualities that have a rating; None without one."""
        means = [mean for name in QUALITIES if (mean := self.mean(name)) is not None]
        return math.fsum(means) / len(means) if means else None

    @property
    def overall(self) -> float | None:
        """The mean score, or else the mean thumb, or else the mean over the qualities."""
        return next(
            (it for it in (self.mean(SCORE), self.mean(THUMB), self.fine_grained) if it is not None), None
        )


@dataclass(frozen=True, slots=True)
class RatedPrompt:
    """A prompt and the responses to it that people rated, sorted by text. ``rated_id`` depends on the prompt alone."""

    rated_id: str
    prompt: Prompt
    responses: tuple[RatedResponse, ...]
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]

    @property
    def id(self) -> str:
        """The same as ``rated_id``: every export item has an id."""
        return self.rated_id

    @property
    def ratings(self) -> Iterator[Rating]:
        """Every rating of a response."""
        return (rating for response in self.responses for rating in response.ratings)

    @property
    def person_ids(self) -> set[str]:
        """The people who rated a response."""
        return {rating.person_id for rating in self.ratings}

    @property
    def adjudicated(self) -> bool:
        """Whether a lead decided a rating of a response."""
        return any(response.decided for response in self.responses)

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all responses, sorted."""
        return distinct(model for response in self.responses for model in response.models)

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The answers that the ratings were taken from, each once."""
        given = {
            it.annotation_id: Judged(
                it.annotation_id, it.person_id, _ACTS.get(it.aspect, Act.TAGS), it.from_log
            )
            for it in self.ratings
        }
        return tuple(given.values())


@dataclass(frozen=True, slots=True)
class Rated:
    """Rated prompts, and the answers that are in none of them."""

    rows: tuple[RatedPrompt, ...]
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    task: Task
    shown: Context
    rating: Rating
    at: datetime


def rated_prompts(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    decisions: Decisions = MappingProxyType({}),
) -> Rated:
    """Return the prompts with responses that people rated.

    Ratings meet where prompt and text are equal; of one person, the latest rating of an aspect counts, and none where
    several of the latest time differ. The arguments
    are those of ``preference_pairs``, and so is the conservation of annotations and tasks. Rows are sorted by
    ``rated_id``.
    """
    found: dict[tuple[Prompt, str], dict[tuple[str, str], list[_Given]]] = defaultdict(
        lambda: defaultdict(list)
    )
    reasons: dict[str, Omission] = {}
    answered = set()
    for annotation in sorted(annotations, key=age):
        answered.add(annotation.task_id)
        task = tasks.get(annotation.task_id)
        given = _given(task, annotation, contexts, weights)
        reason = OmissionReason.ANSWERED_AGAIN if not isinstance(given, OmissionReason) else given
        reasons[annotation.id] = Omission(reason, annotation.task_id, annotation.id)
        for each in () if isinstance(given, OmissionReason) else given:
            by = (annotation.person_id, each.rating.aspect)
            found[each.shown.prompt, each.shown.text][by].append(each)
    counted: dict[tuple[Prompt, str], list[_Given]] = {}
    for about, by_person in found.items():
        for of_person in by_person.values():
            last = of_person[-1]
            at_once = [it for it in of_person if it.at == last.at]
            if all(it.rating.value == last.rating.value for it in at_once):
                counted.setdefault(about, []).append(last)
                continue
            for it in at_once:
                name = it.rating.annotation_id
                reasons[name] = Omission(OmissionReason.CONTRADICTED, it.task.id, name)
    for each in (it for some in counted.values() for it in some):
        reasons.pop(each.rating.annotation_id, None)
    by_prompt: dict[Prompt, list[list[_Given]]] = defaultdict(list)
    for (prompt, _), of_text in sorted(counted.items(), key=lambda it: it[0][1]):
        by_prompt[prompt].append(sorted(of_text, key=lambda it: (it.rating.aspect, it.rating.annotation_id)))
    unanswered = [Omission(OmissionReason.NOT_ANSWERED, task_id) for task_id in tasks.keys() - answered]
    rows = sorted(
        (_row(prompt, texts, decisions) for prompt, texts in by_prompt.items()), key=lambda it: it.rated_id
    )
    return Rated(tuple(rows), sorted_omissions([*reasons.values(), *unanswered]))


def _given(
    task: Task | None, annotation: Annotation, contexts: Mapping[str, Context], weights: Weights
) -> list[_Given] | OmissionReason:
    """Return the ratings in an answer, or why it has none."""
    if task is None:
        return OmissionReason.UNKNOWN_TASK
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return OmissionReason.NOT_SUBMITTED
    if task.reask_of is not None:
        return OmissionReason.ASKED_AGAIN
    kind = kind_of(task.kind)
    complete = {
        name: answer
        for name, answer in annotation.values.items()
        if kind.is_scored or any(it.name == name and it.is_complete(answer) for it in kind.questions)
    }
    reason = clean(kind.reason_in(annotation.values)).strip()
    found: list[_Given] = []
    why_not: list[OmissionReason] = []
    for question, item, vote in kind.votes(complete, task.message_ids, task.conversation_ids):
        values = _value(vote, of_log=kind.is_scored) if question in ASPECTS else ()
        if not values:
            continue
        context = contexts.get(item)
        omission = OmissionReason.NOT_SHARED if context is None else context.unusable
        if context is None or omission is not None:
            why_not.append(omission or OmissionReason.NOT_SHARED)
            continue
        rating = Rating(
            annotation.id,
            task.id,
            annotation.person_id,
            weights.of(annotation.person_id, question),
            ASPECTS[question],
            values[0],
            reason,
            task.platform == IMPORTED,
        )
        found.append(_Given(task, context, rating, annotation.updated_at))
    return found or next(iter(why_not), OmissionReason.NO_RATING)


def _value(vote: str, *, of_log: bool) -> tuple[float | None, ...]:
    """Return the number that a vote stands for, None for one that does not apply; empty for anything else.

    A number that came with a log is none: nobody knows of which scale.
    """
    if vote == Tag.NA:
        return (None,)
    if vote in _WORDS:
        return (_WORDS[vote],)
    if of_log:
        return ()
    try:
        number = float(vote)
    except ValueError:
        return ()
    return (number,) if LEAST <= number <= MOST else ()


def _row(prompt: Prompt, texts: Sequence[Sequence[_Given]], decisions: Decisions) -> RatedPrompt:
    contexts = [each.shown for given in texts for each in given]
    return RatedPrompt(
        rated_id=stable_id("rated", canonical(prompt)),
        prompt=prompt,
        responses=tuple(_response(given, decisions) for given in texts),
        **whence(contexts, (each.task for given in texts for each in given)),
    )


def _response(given: Sequence[_Given], decisions: Decisions) -> RatedResponse:
    responses = {each.shown.message.id: each.shown for each in given}.values()
    return RatedResponse(
        text=given[0].shown.text,
        origin=origin_of(responses),
        message_ids=distinct(context.message.id for context in responses),
        models=models_of(responses),
        ratings=tuple(each.rating for each in given),
        decided=_decided(given, decisions) if decisions else {},
    )


def _decided(given: Sequence[_Given], decisions: Decisions) -> dict[str, float | None]:
    """Return what was decided about a text by aspect, as far as all that was decided about it says the same."""
    about = {(it.task.kind, it.shown.message.id) for it in given}
    found = {
        aspect: agreed(decisions.get((kind, question, name)) for kind, name in about)
        for question, aspect in ASPECTS.items()
    }
    return {
        aspect: value
        for aspect, vote in found.items()
        if vote is not None
        for value in _value(vote, of_log=False)
    }
