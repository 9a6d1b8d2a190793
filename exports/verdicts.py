"""The verdicts of single answers on a pair of texts, with the display order undone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from exports.context import Context, Prompt, canonical, clean, squeeze
from exports.judgments import Act
from exports.omissions import Omission, OmissionReason
from reward_engine.acceptance import Outcome
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.kinds import ComparisonQuestion, Kind, RankingQuestion
    from workspaces.records import Annotation, Task


@dataclass(frozen=True, slots=True)
class RewriteOutcomes:
    """What other people's votes said of rewrites, where they are asked.

    ``of`` maps rewrites to outcomes, and ``rewrites`` the annotations whose rewrite votes alone accept to the rewrite;
    any other rewrite is its writer's vote. ``needed`` is how many votes accept a rewrite.
    """

    of: Mapping[str, Outcome] = field(default_factory=dict)
    rewrites: Mapping[str, str] = field(default_factory=dict)
    needed: Mapping[str, int] = field(default_factory=dict)

    def omission(self, rewrite_id: str) -> OmissionReason | None:
        """Return the reason to omit what is said of a rewrite; None if it is accepted."""
        outcome = self.of.get(rewrite_id, Outcome.UNDECIDED)
        if outcome is Outcome.ACCEPTED:
            return None
        rejected = outcome is Outcome.REJECTED
        return OmissionReason.REWRITE_REJECTED if rejected else OmissionReason.REWRITE_UNDECIDED

    def refused(self, shown: Iterable[Context]) -> OmissionReason | None:
        """Return the reason to omit what is said of these responses; None if all rewrites among them are accepted."""
        reasons = (self.omission(it.message.id) for it in shown if it.is_rewrite)
        return next((reason for reason in reasons if reason is not None), None)


@dataclass(frozen=True, slots=True)
class Compared:
    """Two texts that answer one prompt, in alphabetical order, and the responses that have them, as they were shown.

    All answers to a task share it. ``first`` is the number of the text that was shown first, 0 or 1. ``pair_id`` is
    the id of their pair. ``question`` is the comparison that was asked; None for a rewrite, because nobody measures how
    good rewrites are.
    """

    prompt: Prompt
    texts: tuple[str, str]
    responses: tuple[Context, ...]
    first: int
    pair_id: str
    question: str | None


class Said(NamedTuple):
    """What an answer to a comparison says, whatever was compared.

    ``place`` is the place of the better response in the order of display, 0 or 1, or None.
    """

    place: int | None
    both_bad: bool
    strength: int | None
    reason: str


class PairVerdict(NamedTuple):
    """One answer, or a part of it, as a comparison of two texts, in alphabetical order.

    ``preferred`` and ``shown_first`` are numbers of texts, 0 or 1; ``preferred`` is None for no preference, and
    ``shown_first`` where that is not known. ``strength`` is how much better the preferred text is, None where that was
    not asked. ``share`` is the part of an answer that this is: a ranking of *n* responses is n (n - 1) / 2 comparisons
    by one person, which weigh together as much as one. One that ``only_wrote`` wrote a text that others judged, and is
    no vote.
    """

    annotation: Annotation
    task: Task
    compared: Compared
    preferred: int | None
    shown_first: int | None
    act: Act
    both_bad: bool = False
    strength: int | None = None
    share: float = 1.0
    reason: str = ""
    only_wrote: bool = False

    @property
    def pair_id(self) -> str:
        """The id of the pair that this answer compares."""
        return self.compared.pair_id

    @property
    def texts(self) -> tuple[str, str]:
        """The texts that it compares."""
        return self.compared.texts

    @property
    def responses(self) -> tuple[Context, ...]:
        """The responses that it compares."""
        return self.compared.responses

    @property
    def question(self) -> str | None:
        """The comparison that was answered."""
        return self.compared.question

    def undecided(self, others: Iterable[PairVerdict]) -> PairVerdict:
        """Return the same answer by somebody who says something else at the same time: a tie, without a reason.

        Args:
            others: all that they say of the pair at that time. If one of them has a strength, the tie has one, too.
        """
        asked = any(each.strength is not None for each in others)
        return self._replace(preferred=None, both_bad=False, strength=0 if asked else None, reason="")


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


class Shown:
    """What a task shows, worked out once for all answers to it.

    Args:
        task: the task.
        contexts: of the responses that may be exported, by message id.
        said: what answers say, by the kind of the task and their values: most are the same.
    """

    def __init__(self, task: Task, contexts: Mapping[str, Context], said: dict[object, Said | None]) -> None:
        self.task = task
        self.contexts = contexts
        self._said = said
        self._places: tuple[int, ...] | None = None
        self._responses: tuple[Context, ...] | OmissionReason | None = None
        self._compared: dict[tuple[int, int], Compared | OmissionReason] = {}

    @property
    def kind(self) -> Kind:
        """The kind of the task."""
        return kind_of(self.task.kind)

    @property
    def responses(self) -> tuple[Context, ...] | OmissionReason:
        """The responses at ``places``, or why the task compares nothing."""
        if self._responses is None:
            self._responses = shown_responses(self.task, self.contexts, self.places)
        return self._responses

    @property
    def places(self) -> tuple[int, ...]:
        """The places of what can be compared: of a ranking, of all that can still be, if these are two or more."""
        if self._places is None:
            every = range(len(self.task.message_ids))
            there = [place for place in every if self._is_there(self.task.message_ids[place])]
            ranks = self.kind.ranking is not None and len(there) > 1
            self._places = tuple(there if ranks else every)
        return self._places

    def _is_there(self, name: str) -> bool:
        return name in self.contexts and self.contexts[name].unusable is None

    def said(self, question: ComparisonQuestion, values: Mapping[str, str]) -> Said | None:
        """Return what an answer to the comparison says; None if it is not complete."""
        key = (self.task.kind, *values.items())
        if key not in self._said:
            self._said[key] = said_by(question, self.kind, values)
        return self._said[key]

    def between(self, first: int, second: int) -> Compared | OmissionReason:
        """Return the comparison of two responses by their places, or why they are none."""
        found = self._compared.get((first, second))
        if found is None:
            found = self._compared[first, second] = self._between(first, second)
        return found

    def _between(self, first: int, second: int) -> Compared | OmissionReason:
        if isinstance(self.responses, OmissionReason):
            return self.responses
        one, other = self.responses[first], self.responses[second]
        if one.prompt != other.prompt:
            return OmissionReason.DIFFERENT_PROMPTS
        # most chat templates trim a message: sides that differ at their ends alone would train nothing
        if one.text.strip() == other.text.strip():
            return OmissionReason.SAME_TEXT
        return self.compared(one.text, (one, other), other.text)

    def compared(self, text: str, responses: tuple[Context, ...], other: str) -> Compared:
        """Return the comparison of two texts, of these responses or a rewrite of the first of them."""
        texts, prompt, asked = _in_order(text, other), responses[0].prompt, self.kind.compares
        pair_id, first = stable_id("pair", canonical(prompt), *texts), texts.index(responses[0].text)
        return Compared(prompt, texts, responses, first, pair_id, None if asked is None else asked.name)


def verdicts_of(
    shown: Shown | None, annotation: Annotation, outcomes: RewriteOutcomes | None = None
) -> Sequence[PairVerdict] | OmissionReason:
    """Return the verdicts of an answer on pairs of texts, or why it has none.

    A ranking has one for each two of its responses whose texts differ; any other answer has one. ``shown`` is None
    where the task is not known.
    """
    outcomes = outcomes or RewriteOutcomes()
    if shown is None:
        return OmissionReason.UNKNOWN_TASK
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return OmissionReason.NOT_SUBMITTED
    if shown.task.reask_of is not None:
        return OmissionReason.ASKED_AGAIN
    kind = shown.kind
    if kind.comparison is not None:
        there = (shown.contexts[name] for name in shown.task.message_ids if name in shown.contexts)
        return outcomes.refused(there) or _comparison(kind.comparison, shown, annotation)
    if kind.ranking is not None:
        return _ranking(kind.ranking, shown, annotation, outcomes)
    if kind.rewrite is not None:
        answer, rewrite = kind.rewrite_in(annotation.values), outcomes.rewrites.get(annotation.id)
        if rewrite is not None and answer.strip():
            return _judged_rewrite(rewrite, shown, annotation, outcomes)
        return _rewrite(answer, shown, annotation)
    if kind.of_conversation:
        return OmissionReason.OF_CONVERSATION
    return OmissionReason.NO_COMPARISON if kind.is_scored else OmissionReason.COMPARES_NOTHING


def _comparison(
    question: ComparisonQuestion, shown: Shown, annotation: Annotation
) -> Sequence[PairVerdict] | OmissionReason:
    said = shown.said(question, annotation.values)
    if said is None:
        return OmissionReason.NO_PREFERENCE
    compared = shown.between(0, 1)
    if isinstance(compared, OmissionReason):
        return compared
    verdict = PairVerdict(
        annotation,
        shown.task,
        compared,
        None if said.place is None else compared.first ^ said.place,
        _shown_first(shown.task, annotation, compared),
        Act.COMPARISON,
        said.both_bad,
        said.strength,
        reason=said.reason,
    )
    return (verdict,)


def said_by(question: ComparisonQuestion, kind: Kind, values: Mapping[str, str]) -> Said | None:
    """Return what the values of an answer to the comparison say; None if it is not complete."""
    answer = values.get(question.name)
    if answer is None or not question.is_complete(answer):
        return None
    reason = clean(kind.reason_in(values)).strip()
    return Said(question.preferred(answer), question.is_both_bad(values), question.strength(answer), reason)


def _ranking(
    question: RankingQuestion, shown: Shown, annotation: Annotation, outcomes: RewriteOutcomes
) -> Sequence[PairVerdict] | OmissionReason:
    ranks = ranked(question, shown.task, annotation)
    if ranks is None:
        return OmissionReason.NO_PREFERENCE
    if isinstance(shown.responses, OmissionReason):
        return shown.responses
    places = [ranks[place] for place in shown.places]
    pairs = list(combinations(range(len(shown.responses)), 2))
    compared = [
        outcomes.refused((shown.responses[left], shown.responses[right])) or shown.between(left, right)
        for left, right in pairs
    ]
    verdicts = [
        PairVerdict(
            annotation,
            shown.task,
            each,
            preferred=None if places[left] == places[right] else each.first ^ (places[left] > places[right]),
            shown_first=_shown_first(shown.task, annotation, each),
            act=Act.RANKING,
            share=1 / math.comb(len(ranks), 2),
        )
        for (left, right), each in zip(pairs, compared, strict=True)
        if isinstance(each, Compared)
    ]
    return verdicts or next(each for each in compared if isinstance(each, OmissionReason))


def ranked(question: RankingQuestion, task: Task, annotation: Annotation) -> tuple[int, ...] | None:
    """Return the place of each response in an answer, 1 for the best; None where it does not rank them all."""
    question = question.showing(len(task.message_ids))
    answer = annotation.values.get(question.name, "")
    return tuple(question.places_of(answer).values()) if question.is_complete(answer) else None


def _rewrite(answer: str, shown: Shown, annotation: Annotation) -> Sequence[PairVerdict] | OmissionReason:
    rewrite = clean(answer)
    if not rewrite.strip():
        return OmissionReason.NO_REWRITE
    if isinstance(shown.responses, OmissionReason):
        return shown.responses
    (response,) = shown.responses
    if squeeze(rewrite) == squeeze(response.text):
        return OmissionReason.UNCHANGED_REWRITE
    compared = shown.compared(rewrite, (response,), response.text)
    better = 1 - compared.first
    return (PairVerdict(annotation, shown.task, compared, better, shown_first=None, act=Act.REWRITE),)


def _judged_rewrite(
    rewrite: str, shown: Shown, annotation: Annotation, outcomes: RewriteOutcomes
) -> Sequence[PairVerdict] | OmissionReason:
    """Return who wrote the better side of a pair, if others accepted the rewrite: it is their votes that count."""
    if isinstance(shown.responses, OmissionReason):
        return shown.responses
    (response,) = shown.responses
    if (omission := outcomes.omission(rewrite)) is not None:
        return omission
    if rewrite not in shown.contexts:
        return OmissionReason.UNCHANGED_REWRITE
    written = shown.contexts[rewrite]
    compared = shown.compared(written.text, (response, written), response.text)
    verdict = PairVerdict(
        annotation,
        shown.task,
        compared,
        preferred=1 - compared.first,
        shown_first=None,
        act=Act.REWRITE,
        only_wrote=True,
    )
    return (verdict,)


def shown_responses(
    task: Task, contexts: Mapping[str, Context], places: Sequence[int] | None = None
) -> tuple[Context, ...] | OmissionReason:
    """Return the contexts of the responses shown (at these places; None: all), or why the task compares nothing."""
    names = task.message_ids if places is None else [task.message_ids[place] for place in places]
    missing = {name for name in names if name not in contexts}
    if missing:
        return OmissionReason.REWRITE_GONE if missing <= {*task.rewrites} else OmissionReason.NOT_SHARED
    shown = tuple(contexts[name] for name in names)
    return next((reason for context in shown if (reason := context.unusable)), shown)


def _shown_first(task: Task, annotation: Annotation, compared: Compared) -> int | None:
    """Return the text displayed first: the earlier one shown or, of an answer from a log, the one it names."""
    if task.platform != IMPORTED:
        return compared.first
    shown = (context.message.id for context in compared.responses)
    return next(
        (compared.first ^ place for place, name in enumerate(shown) if name == annotation.shown_first), None
    )


def discarded_pairs(shown: Shown | None, annotation: Annotation) -> Sequence[str]:
    """Return the ids of the pairs whose comparison a person discarded; none for any other answer."""
    if annotation.status is not AnnotationStatus.DISCARDED or shown is None:
        return ()
    if shown.task.reask_of is not None or shown.kind.compares is None:
        return ()
    if isinstance(shown.responses, OmissionReason):
        return ()
    return [
        stable_id("pair", canonical(first.prompt), *_in_order(first.text, second.text))
        for first, second in combinations(shown.responses, 2)
        if first.prompt == second.prompt
    ]


def _in_order(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)
