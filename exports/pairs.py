"""Preference pairs: a prompt, two responses, and the votes between them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from exports.context import (
    UNKNOWN,
    Context,
    Prompt,
    canonical,
    check_response,
    clean,
    distinct,
    models_of,
    squeeze,
)
from exports.omissions import Omission, OmissionReason
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.kinds import ComparisonQuestion
    from workspaces.records import Annotation, Task


class Origin(StrEnum):
    """The author of a side."""

    MODEL = "model"
    HUMAN_EDIT = "human_edit"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts of a pair. A text that occurs only in rewrites has no message and no model."""

    text: str
    origin: Origin
    message_ids: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote on a pair. ``preferred`` and ``shown_first`` are side numbers, 0 or 1.

    ``preferred`` is ``None`` for a tie; ``shown_first`` is ``None`` for a rewrite, where one side was shown, and for
    votes that came with a log.
    """

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    preferred: int | None
    shown_first: int | None


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two different texts for one prompt and every vote between them.

    ``sides`` are in alphabetical order, which says nothing of quality; ``winner`` is the side number that
    more than half of all votes prefer (a tie counts as a vote), or ``None``. ``pair_id`` depends on prompt
    and texts alone: it stays when votes are added or the winner changes.
    """

    pair_id: str
    prompt: Prompt
    sides: tuple[Side, Side]
    votes: tuple[Vote, ...]
    winner: int | None
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]

    @property
    def id(self) -> str:
        """The same as ``pair_id``: every export item has an id."""
        return self.pair_id

    @property
    def person_ids(self) -> set[str]:
        """The people who voted."""
        return {vote.person_id for vote in self.votes}

    @property
    def chosen(self) -> Side:
        """The side the majority prefers; of a tied pair, the first."""
        return self.sides[self.winner or 0]

    @property
    def rejected(self) -> Side:
        """The side that is not ``chosen``."""
        return self.sides[1 - (self.winner or 0)]

    def count(self, preferred: int | None) -> int:
        """Return the number of votes for a side, or with ``None`` for a tie."""
        return sum(vote.preferred == preferred for vote in self.votes)

    def mass(self, preferred: int | None) -> float:
        """Return the sum of the weights of the votes that ``count`` counts."""
        return math.fsum(vote.weight for vote in self.votes if vote.preferred == preferred)

    @property
    def agreement(self) -> float:
        """Share of votes for the most frequent answer, over 0 to 1. One vote agrees with itself."""
        return max(self.count(0), self.count(1), self.count(None)) / len(self.votes)

    @property
    def strength(self) -> float:
        """(votes for chosen - votes for rejected) / all votes, each vote counting 1."""
        winner = self.winner or 0
        return (self.count(winner) - self.count(1 - winner)) / len(self.votes)

    @property
    def weight(self) -> float:
        """Summed weight of the votes for chosen / number of votes: low where unsure people decided."""
        return self.mass(self.winner or 0) / len(self.votes)

    @property
    def margin(self) -> float:
        """(weight for chosen - weight for rejected) / all weight, over -1 to 1; 0 where all weights are 0.

        Negative where the people of high confidence were outvoted.
        """
        winner = self.winner or 0
        total = self.mass(0) + self.mass(1) + self.mass(None)
        return (self.mass(winner) - self.mass(1 - winner)) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs with a winner, pairs without one, and the answers that are in neither."""

    decided: tuple[PreferencePair, ...]
    tied: tuple[PreferencePair, ...]
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """One answer as a comparison of texts, display order undone."""

    annotation: Annotation
    task: Task
    prompt: Prompt
    texts: tuple[str, str]
    preferred: str | None
    shown_first: str | None
    responses: tuple[Context, ...]


def preference_pairs(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Mapping[str, float],
) -> Pairs:
    """Return the pairs that submitted answers decide.

    An answer to a comparison is a vote between the two responses shown. A rewrite of a response
    is a vote for the rewrite over the response. Votes meet wherever prompt and texts are equal, whatever the
    task, the conversation or the display order; of one person, the latest vote on a pair counts.

    Args:
        tasks: by task id.
        annotations: the latest revision of each, in any order.
        contexts: by message id, of every response that may be exported.
        weights: confidence by person id, 0 or more; 1 for a person not named.

    Returns:
        Pairs sorted by ``pair_id``. Every annotation is in the votes of one pair or in one omission, and every
        task is in one of them as well.
    """
    omissions: list[Omission] = []
    answered = set()
    verdicts: dict[str, list[_Verdict]] = defaultdict(list)
    for annotation in annotations:
        answered.add(annotation.task_id)
        verdict = _verdict(tasks.get(annotation.task_id), annotation, contexts)
        if isinstance(verdict, OmissionReason):
            omissions.append(Omission(verdict, annotation.task_id, annotation.id))
        else:
            verdicts[stable_id("pair", canonical(verdict.prompt), *verdict.texts)].append(verdict)
    omissions.extend(Omission(OmissionReason.NOT_ANSWERED, task_id) for task_id in tasks.keys() - answered)

    pairs = []
    for pair_id in sorted(verdicts):
        latest: dict[str, _Verdict] = {}
        for verdict in sorted(verdicts[pair_id], key=lambda verdict: age(verdict.annotation)):
            earlier = latest.pop(verdict.annotation.person_id, None)
            if earlier is not None:
                omissions.append(
                    Omission(OmissionReason.ANSWERED_AGAIN, earlier.task.id, earlier.annotation.id)
                )
            latest[verdict.annotation.person_id] = verdict
        pairs.append(
            _pair(pair_id, sorted(latest.values(), key=lambda verdict: verdict.annotation.id), weights)
        )
    return Pairs(
        decided=tuple(pair for pair in pairs if pair.winner is not None),
        tied=tuple(pair for pair in pairs if pair.winner is None),
        omissions=sorted_omissions(omissions),
    )


def age(annotation: Annotation) -> tuple[object, ...]:
    """Return a key that sorts annotations from the earliest to the latest."""
    return annotation.updated_at, annotation.revision, annotation.id


def sorted_omissions(omissions: Iterable[Omission]) -> tuple[Omission, ...]:
    """Return omissions in an order that does not depend on the order of the input."""
    return tuple(
        sorted(
            omissions, key=lambda omission: (omission.reason, omission.task_id, omission.annotation_id or "")
        )
    )


def _verdict(
    task: Task | None, annotation: Annotation, contexts: Mapping[str, Context]
) -> _Verdict | OmissionReason:
    if task is None:
        return OmissionReason.UNKNOWN_TASK
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return OmissionReason.NOT_SUBMITTED
    if task.reask_of is not None:
        return OmissionReason.ASKED_AGAIN
    kind = kind_of(task.kind)
    if kind.comparison is not None:
        return _comparison(kind.comparison, task, annotation, contexts)
    if kind.rewrite is not None:
        return _rewrite(kind.rewrite_in(annotation.values), task, annotation, contexts)
    return OmissionReason.NO_COMPARISON if kind.is_scored else OmissionReason.COMPARES_NOTHING


def _comparison(
    question: ComparisonQuestion, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> _Verdict | OmissionReason:
    answer = annotation.values.get(question.name)
    if answer is None or not question.is_complete(answer):
        return OmissionReason.NO_PREFERENCE
    shown = _shown(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    first, second = shown
    if first.prompt != second.prompt:
        return OmissionReason.DIFFERENT_PROMPTS
    preferred = question.preferred(answer)
    # most chat templates trim a message: sides that differ at their ends alone would train nothing
    if first.text.strip() == second.text.strip():
        return OmissionReason.SAME_TEXT
    return _Verdict(
        annotation,
        task,
        first.prompt,
        texts=_in_order(first.text, second.text),
        preferred=None if preferred is None else shown[preferred].text,
        shown_first=None if task.platform == IMPORTED else first.text,
        responses=(first, second),
    )


def _rewrite(
    answer: str, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> _Verdict | OmissionReason:
    rewrite = clean(answer)
    if not rewrite.strip():
        return OmissionReason.NO_REWRITE
    shown = _shown(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    (response,) = shown
    if squeeze(rewrite) == squeeze(response.text):
        return OmissionReason.UNCHANGED_REWRITE
    return _Verdict(
        annotation,
        task,
        response.prompt,
        texts=_in_order(rewrite, response.text),
        preferred=rewrite,
        shown_first=None,
        responses=(response,),
    )


def _shown(task: Task, contexts: Mapping[str, Context]) -> tuple[Context, ...] | OmissionReason:
    """Return the contexts of the responses shown, or why the task compares nothing."""
    if not all(message_id in contexts for message_id in task.message_ids):
        return OmissionReason.NOT_SHARED
    shown = tuple(contexts[message_id] for message_id in task.message_ids)
    return next((reason for context in shown if (reason := check_response(context))), shown)


def _in_order(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)


def _pair(pair_id: str, verdicts: Sequence[_Verdict], weights: Mapping[str, float]) -> PreferencePair:
    texts = verdicts[0].texts
    responses = {context.message.id: context for verdict in verdicts for context in verdict.responses}
    votes = tuple(
        Vote(
            annotation_id=verdict.annotation.id,
            task_id=verdict.task.id,
            person_id=verdict.annotation.person_id,
            weight=weights.get(verdict.annotation.person_id, 1.0),
            preferred=None if verdict.preferred is None else texts.index(verdict.preferred),
            shown_first=None if verdict.shown_first is None else texts.index(verdict.shown_first),
        )
        for verdict in verdicts
    )
    majority = (side for side in (0, 1) if 2 * sum(vote.preferred == side for vote in votes) > len(votes))
    return PreferencePair(
        pair_id=pair_id,
        prompt=verdicts[0].prompt,
        sides=(_side(texts[0], responses.values()), _side(texts[1], responses.values())),
        votes=votes,
        winner=next(majority, None),
        conversation_ids=distinct(context.conversation_id for context in responses.values()),
        licences=distinct(context.licence or UNKNOWN for context in responses.values()),
        sources=distinct(context.source for context in responses.values()),
        rules_versions=distinct(verdict.task.rules_version for verdict in verdicts),
    )


def _side(text: str, responses: Iterable[Context]) -> Side:
    written = [context for context in responses if context.text == text]
    return Side(
        text=text,
        origin=Origin.MODEL if written else Origin.HUMAN_EDIT,
        message_ids=distinct(context.message.id for context in written),
        models=models_of(written),
    )
