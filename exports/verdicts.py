"""The verdicts of single answers on a pair of texts, with the display order undone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, clean, squeeze
from exports.judgments import Act
from exports.omissions import Omission, OmissionReason
from reward_engine.acceptance import Outcome
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.kinds import ComparisonQuestion, RankingQuestion
    from workspaces.records import Annotation, Task


@dataclass(frozen=True, slots=True)
class RewriteOutcomes:
    """What other people's votes said of rewrites, where they are asked.

    ``of`` maps rewrites to outcomes, and ``rewrites`` the annotations whose rewrite votes alone accept to the rewrite;
    any other rewrite is its writer's vote.
    """

    of: Mapping[str, Outcome] = field(default_factory=dict)
    rewrites: Mapping[str, str] = field(default_factory=dict)

    def omission(self, rewrite_id: str) -> OmissionReason | None:
        """Return the reason to omit what is said of a rewrite; None if it is accepted."""
        outcome = self.of.get(rewrite_id, Outcome.UNDECIDED)
        if outcome is Outcome.ACCEPTED:
            return None
        rejected = outcome is Outcome.REJECTED
        return OmissionReason.REWRITE_REJECTED if rejected else OmissionReason.REWRITE_UNDECIDED


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """One answer, or a part of it, as a comparison of two texts, in alphabetical order.

    ``preferred`` is None for no preference. ``strength`` is how much better the preferred text is, None where that was
    not asked. ``share`` is the part of an answer that this is: a ranking of *n* responses is n (n - 1) / 2 comparisons
    by one person, which weigh together as much as one. One that ``only_wrote`` wrote a text that others judged, and is
    no vote.
    """

    annotation: Annotation
    task: Task
    prompt: Prompt
    texts: tuple[str, str]
    preferred: str | None
    shown_first: str | None
    responses: tuple[Context, ...]
    act: Act
    both_bad: bool = False
    strength: int | None = None
    share: float = 1.0
    reason: str = ""
    only_wrote: bool = False

    @property
    def pair_id(self) -> str:
        """The id of the pair that this answer compares."""
        return stable_id("pair", canonical(self.prompt), *self.texts)

    @property
    def question(self) -> str | None:
        """The comparison that was answered; None for a rewrite, because nobody measures how good rewrites are."""
        compares = kind_of(self.task.kind).compares
        return None if compares is None else compares.name

    @property
    def said(self) -> tuple[str | None, bool, int | None]:
        """What the answer says: the better text, whether both are bad, and how much better it is."""
        return self.preferred, self.both_bad, self.strength

    @property
    def undecided(self) -> PairVerdict:
        """The same answer by somebody who takes back what they preferred."""
        return replace(self, preferred=None, both_bad=False, strength=None if self.strength is None else 0)


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


def verdicts_of(
    task: Task | None,
    annotation: Annotation,
    contexts: Mapping[str, Context],
    outcomes: RewriteOutcomes | None = None,
) -> Sequence[PairVerdict] | OmissionReason:
    """Return the verdicts of an answer on pairs of texts, or why it has none.

    A ranking has one for each two of its responses whose texts differ; any other answer has one.
    """
    outcomes = outcomes or RewriteOutcomes()
    if task is None:
        return OmissionReason.UNKNOWN_TASK
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return OmissionReason.NOT_SUBMITTED
    if task.reask_of is not None:
        return OmissionReason.ASKED_AGAIN
    kind = kind_of(task.kind)
    if kind.comparison is not None:
        rewrite = _rewrite_shown(task, contexts) if kind.judges_rewrites else None
        omission = None if rewrite is None else outcomes.omission(rewrite)
        return omission or _comparison(kind.comparison, task, annotation, contexts)
    if kind.ranking is not None:
        return _ranking(kind.ranking, task, annotation, contexts)
    if kind.rewrite is not None:
        answer, rewrite = kind.rewrite_in(annotation.values), outcomes.rewrites.get(annotation.id)
        if rewrite is not None and answer.strip():
            return _judged_rewrite(rewrite, task, annotation, contexts, outcomes)
        return _rewrite(answer, task, annotation, contexts)
    if kind.of_conversation:
        return OmissionReason.OF_CONVERSATION
    return OmissionReason.NO_COMPARISON if kind.is_scored else OmissionReason.COMPARES_NOTHING


def _comparison(
    question: ComparisonQuestion, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> Sequence[PairVerdict] | OmissionReason:
    answer = annotation.values.get(question.name)
    if answer is None or not question.is_complete(answer):
        return OmissionReason.NO_PREFERENCE
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    preferred = question.preferred(answer)
    verdict = _between(shown, preferred, task, annotation, Act.COMPARISON)
    if isinstance(verdict, OmissionReason):
        return verdict
    both_bad = question.is_both_bad(annotation.values)
    reason = clean(kind_of(task.kind).reason_in(annotation.values)).strip()
    return (replace(verdict, both_bad=both_bad, strength=question.strength(answer), reason=reason),)


def _ranking(
    question: RankingQuestion, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> Sequence[PairVerdict] | OmissionReason:
    places = ranked(question, task, annotation)
    if places is None:
        return OmissionReason.NO_PREFERENCE
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    pairs = list(combinations(range(len(shown)), 2))
    between = [
        _between(
            (shown[left], shown[right]),
            None if places[left] == places[right] else int(places[left] > places[right]),
            task,
            annotation,
            Act.RANKING,
        )
        for left, right in pairs
    ]
    verdicts = [replace(each, share=1 / len(pairs)) for each in between if isinstance(each, PairVerdict)]
    return verdicts or next(each for each in between if isinstance(each, OmissionReason))


def ranked(question: RankingQuestion, task: Task, annotation: Annotation) -> tuple[int, ...] | None:
    """Return the place of each response in an answer, 1 for the best; None where it does not rank them all."""
    question = question.showing(len(task.message_ids))
    answer = annotation.values.get(question.name, "")
    return tuple(question.places_of(answer).values()) if question.is_complete(answer) else None


def _between(
    shown: tuple[Context, ...], preferred: int | None, task: Task, annotation: Annotation, act: Act
) -> PairVerdict | OmissionReason:
    """Return the verdict on two responses in the order of display, of which one is preferred or none."""
    first, second = shown
    if first.prompt != second.prompt:
        return OmissionReason.DIFFERENT_PROMPTS
    # most chat templates trim a message: sides that differ at their ends alone would train nothing
    if first.text.strip() == second.text.strip():
        return OmissionReason.SAME_TEXT
    return PairVerdict(
        annotation,
        task,
        first.prompt,
        texts=_in_order(first.text, second.text),
        preferred=None if preferred is None else shown[preferred].text,
        shown_first=_shown_first(task, annotation, shown),
        responses=(first, second),
        act=act,
    )


def _rewrite(
    answer: str, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> Sequence[PairVerdict] | OmissionReason:
    rewrite = clean(answer)
    if not rewrite.strip():
        return OmissionReason.NO_REWRITE
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    (response,) = shown
    if squeeze(rewrite) == squeeze(response.text):
        return OmissionReason.UNCHANGED_REWRITE
    verdict = PairVerdict(
        annotation,
        task,
        response.prompt,
        texts=_in_order(rewrite, response.text),
        preferred=rewrite,
        shown_first=None,
        responses=(response,),
        act=Act.REWRITE,
    )
    return (verdict,)


def _rewrite_shown(task: Task, contexts: Mapping[str, Context]) -> str | None:
    """Return the rewrite that a task shows; None if it is not there."""
    shown = (name for name in task.message_ids if name in contexts and contexts[name].is_rewrite)
    return next(shown, None)


def _judged_rewrite(
    rewrite: str,
    task: Task,
    annotation: Annotation,
    contexts: Mapping[str, Context],
    outcomes: RewriteOutcomes,
) -> Sequence[PairVerdict] | OmissionReason:
    """Return who wrote the better side of a pair, if others accepted the rewrite: it is their votes that count."""
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    (response,) = shown
    if (omission := outcomes.omission(rewrite)) is not None:
        return omission
    if rewrite not in contexts:
        return OmissionReason.UNCHANGED_REWRITE
    written = contexts[rewrite]
    verdict = PairVerdict(
        annotation,
        task,
        response.prompt,
        texts=_in_order(written.text, response.text),
        preferred=written.text,
        shown_first=None,
        responses=(response, written),
        act=Act.REWRITE,
        only_wrote=True,
    )
    return (verdict,)


def shown_responses(task: Task, contexts: Mapping[str, Context]) -> tuple[Context, ...] | OmissionReason:
    """Return the contexts of the responses shown, or why the task compares nothing."""
    if not all(message_id in contexts for message_id in task.message_ids):
        return OmissionReason.NOT_SHARED
    shown = tuple(contexts[message_id] for message_id in task.message_ids)
    return next((context.unusable for context in shown if context.unusable), shown)


def _shown_first(task: Task, annotation: Annotation, shown: Sequence[Context]) -> str | None:
    """Return the text displayed first: the earlier one shown or, of an answer from a log, the one it names."""
    first = annotation.shown_first if task.platform == IMPORTED else shown[0].message.id
    return next((context.text for context in shown if context.message.id == first), None)


def discarded_pairs(
    task: Task | None, annotation: Annotation, contexts: Mapping[str, Context]
) -> Sequence[str]:
    """Return the ids of the pairs whose comparison a person discarded; none for any other answer."""
    if annotation.status is not AnnotationStatus.DISCARDED or task is None:
        return ()
    if task.reask_of is not None or kind_of(task.kind).compares is None:
        return ()
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return ()
    return [
        stable_id("pair", canonical(first.prompt), *_in_order(first.text, second.text))
        for first, second in combinations(shown, 2)
        if first.prompt == second.prompt
    ]


def _in_order(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)
