"""The verdicts of single answers on a pair of texts, with the display order undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, check_response, clean, squeeze
from exports.judgments import Act
from exports.omissions import Omission, OmissionReason
from reward_engine.acceptance import Outcome
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.kinds import ComparisonQuestion
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
    """One answer as a comparison of two texts, in alphabetical order; ``preferred`` is None for no preference.

    One that ``only_wrote`` wrote a text that others judged, and is no vote.
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
    only_wrote: bool = False

    @property
    def pair_id(self) -> str:
        """The id of the pair that this answer compares."""
        return stable_id("pair", canonical(self.prompt), *self.texts)

    @property
    def question(self) -> str | None:
        """The comparison that was answered; None for a rewrite, because nobody measures how good rewrites are."""
        comparison = kind_of(self.task.kind).comparison
        return None if comparison is None else comparison.name

    @property
    def said(self) -> tuple[str | None, bool]:
        """What the answer says: the better text, and whether both are bad."""
        return self.preferred, self.both_bad


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


def verdict_of(
    task: Task | None,
    annotation: Annotation,
    contexts: Mapping[str, Context],
    outcomes: RewriteOutcomes | None = None,
) -> PairVerdict | OmissionReason:
    """Return the verdict of an answer on a pair of texts, or why it has none."""
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
    if kind.rewrite is not None:
        answer, rewrite = kind.rewrite_in(annotation.values), outcomes.rewrites.get(annotation.id)
        if rewrite is not None and answer.strip():
            return _judged_rewrite(rewrite, task, annotation, contexts, outcomes)
        return _rewrite(answer, task, annotation, contexts)
    return OmissionReason.NO_COMPARISON if kind.is_scored else OmissionReason.COMPARES_NOTHING


def _comparison(
    question: ComparisonQuestion, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> PairVerdict | OmissionReason:
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
    return PairVerdict(
        annotation,
        task,
        first.prompt,
        texts=_in_order(first.text, second.text),
        preferred=None if preferred is None else shown[preferred].text,
        shown_first=_shown_first(task, annotation, shown),
        responses=(first, second),
        act=Act.COMPARISON,
        both_bad=question.is_both_bad(annotation.values),
    )


def _rewrite(
    answer: str, task: Task, annotation: Annotation, contexts: Mapping[str, Context]
) -> PairVerdict | OmissionReason:
    rewrite = clean(answer)
    if not rewrite.strip():
        return OmissionReason.NO_REWRITE
    shown = _shown(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    (response,) = shown
    if squeeze(rewrite) == squeeze(response.text):
        return OmissionReason.UNCHANGED_REWRITE
    return PairVerdict(
        annotation,
        task,
        response.prompt,
        texts=_in_order(rewrite, response.text),
        preferred=rewrite,
        shown_first=None,
        responses=(response,),
        act=Act.REWRITE,
    )


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
) -> PairVerdict | OmissionReason:
    """Return who wrote the better side of a pair, if others accepted the rewrite: it is their votes that count."""
    shown = _shown(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    (response,) = shown
    if (omission := outcomes.omission(rewrite)) is not None:
        return omission
    if rewrite not in contexts:
        return OmissionReason.UNCHANGED_REWRITE
    written = contexts[rewrite]
    return PairVerdict(
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


def _shown(task: Task, contexts: Mapping[str, Context]) -> tuple[Context, ...] | OmissionReason:
    """Return the contexts of the responses shown, or why the task compares nothing."""
    if not all(message_id in contexts for message_id in task.message_ids):
        return OmissionReason.NOT_SHARED
    shown = tuple(contexts[message_id] for message_id in task.message_ids)
    return next((reason for context in shown if (reason := check_response(context))), shown)


def _shown_first(task: Task, annotation: Annotation, shown: Sequence[Context]) -> str | None:
    """Return the text displayed first: the task's first response or, of an answer from a log, the one it names."""
    first = annotation.shown_first if task.platform == IMPORTED else shown[0].message.id
    return next((context.text for context in shown if context.message.id == first), None)


def discarded_pair(task: Task | None, annotation: Annotation, contexts: Mapping[str, Context]) -> str | None:
    """Return the id of the pair whose comparison a person discarded; None for any other answer."""
    if annotation.status is not AnnotationStatus.DISCARDED or task is None:
        return None
    if task.reask_of is not None or kind_of(task.kind).comparison is None:
        return None
    shown = _shown(task, contexts)
    if isinstance(shown, OmissionReason):
        return None
    first, second = shown
    if first.prompt != second.prompt:
        return None
    return stable_id("pair", canonical(first.prompt), *_in_order(first.text, second.text))


def _in_order(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)
