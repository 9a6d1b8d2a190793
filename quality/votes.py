"""Votes: the answers of all people in one long table, independent of task and display order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workspaces.kinds import (
    BOTH_BAD,
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    RankingQuestion,
    Scale,
    all_kinds,
    kind_of,
    question_of,
)
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping
    from datetime import datetime

    from workspaces.kinds import Question
    from workspaces.records import Annotation, Task

COLUMNS = ("kind", "question", "item", "annotator", "value", "task_id")


def votes(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row per submitted answer.

    Qualities: ``question`` is the quality, ``item`` the message id, ``value`` a tag. Preferences: ``item``
    is the two message ids in ascending order, joined by ``|``, and ``value`` says which of *these* is
    better (``first``, ``tie``, ``second``), so that people who saw the responses in different orders are
    compared correctly. A preference with a strength has a number from -3 (the first is much better) to 3, or
    ``both_bad``. A ranking is one such comparison for each two of its responses, which share a ``task_id``. Where a
    task asks about each of several responses, or about a whole conversation, ``item`` is that message, or the
    conversation; where several options can be chosen at once, each of them is a ``question`` and ``value`` is yes or
    no. Ratings: ``question`` is what was rated (``thumb``, ``score``, a label), ``value`` a word or a number. Rewrites
    are left out, and so are answers to repeated items: the answer to the first task counts.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the submitted annotations name.

    Returns:
        Text columns ``kind``, ``question``, ``item``, ``annotator``, ``value``, ``task_id``, sorted by the
        first four. If a person answered the same item several times, the answer updated last counts; where
        answers of that very time differ, a comparison is a tie, and any other question has no answer.

    Raises:
        KeyError: a submitted annotation names a task that is not given.
        ValueError: an answer that its question does not allow.
    """
    submitted = [
        annotation
        for annotation in annotations
        if annotation.status is AnnotationStatus.SUBMITTED and tasks[annotation.task_id].reask_of is None
    ]
    submitted.sort(key=lambda annotation: (annotation.updated_at, annotation.id))
    latest: dict[tuple[str, str, str, str], tuple[datetime, str | None, str]] = {}
    for annotation in submitted:
        task = tasks[annotation.task_id]
        for question, item, answer in answers_of(annotation.values, task):
            key = (task.kind, question, item, annotation.person_id)
            value: str | None = answer
            at, before, _ = latest.get(key, (None, None, ""))
            if at == annotation.updated_at and before != answer:
                value = _undecided(question_of(task.kind, question))
            latest[key] = annotation.updated_at, value, task.id
    rows = [(*key, value, task_id) for key, (_, value, task_id) in latest.items() if value is not None]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
    return table.sort_values(list(COLUMNS[:4]), ignore_index=True)


def _undecided(question: Question) -> str | None:
    """Return the vote of a person who contradicts themselves at one time; None: they have none."""
    if isinstance(question, ComparisonQuestion):
        return question.vote(question.answer_for(None), ("", ""))
    return TIE if isinstance(question, RankingQuestion) else None


def answers_of(values: Mapping[str, str], task: Task) -> Iterator[tuple[str, str, str]]:
    """Yield (question, item, value) for the answers to one task, with the display order undone; see ``votes``."""
    return kind_of(task.kind).votes(values, task.message_ids, task.conversation_ids)


def without_scores(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the votes of kinds that are not scored; a score has no majority to agree with."""
    return votes[~votes["kind"].isin([name for name, kind in all_kinds().items() if kind.is_scored])]


def on_seeded(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the votes of kinds whose questions seed feedback answers too."""
    return votes[votes["kind"].isin([name for name, kind in all_kinds().items() if kind.seeded])]


def order_of(votes: pd.DataFrame) -> tuple[str, ...]:
    """Return the ascending values of the ordinal question of all votes; () for other or several orders."""
    pairs = votes[["kind", "question"]].drop_duplicates().itertuples(index=False, name=None)
    questions = [question_of(str(kind), str(name)) for kind, name in pairs]
    orders = {
        question.order if isinstance(question, ChoiceQuestion) and question.scale is Scale.ORDINAL else ()
        for question in questions
    }
    return orders.pop() if len(orders) == 1 else ()


def comparisons(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the votes on which of two responses is better, without how much: ``first``, ``tie``, ``second``.

    That both are bad is a tie.
    """
    is_comparison = pd.Series(data=False, index=votes.index)
    for name, kind in all_kinds().items():
        if kind.compares is not None:
            is_comparison |= (votes["kind"] == name) & (votes["question"] == kind.compares.name)
    sides = in_classes(votes[is_comparison])
    return sides.assign(value=sides["value"].replace({BOTH_BAD: TIE}))


def in_classes(votes: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return votes with the class of each: what people can be right or wrong about (``ChoiceQuestion.class_of``).

    Two people who prefer the same response, one much and one slightly, agree there.

    Args:
        votes: columns ``question`` and, unless they are of no kind, ``kind``.
        columns: the columns that hold answers; by default ``value``.
    """
    if votes.empty or "kind" not in votes:
        return votes
    changed: dict[str, pd.Series[str]] = {}
    for kind, name in votes[["kind", "question"]].drop_duplicates().itertuples(index=False, name=None):
        question = question_of(str(kind), str(name))
        if not isinstance(question, ChoiceQuestion) or question.classes == question.values:
            continue
        classes = {value: question.class_of(value) for value in question.votes}
        asked = (votes["kind"] == kind) & (votes["question"] == name)
        for column in columns or ("value",):
            held = changed.get(column, votes[column])
            changed[column] = held.where(~asked, held.map(classes))
    return votes.assign(**changed) if changed else votes


def mirrors_of(votes: pd.DataFrame, column: str = "question") -> dict[Hashable, Mapping[Hashable, Hashable]]:
    """Return, for each comparison among the votes, what its votes become when the two responses change places.

    Args:
        votes: columns ``kind``, ``question`` and ``column``; without ``kind`` no question is known to be one.
        column: the column whose entries are the keys of the result.
    """
    if "kind" not in votes:
        return {}
    names = ["kind", "question"] if column in ("kind", "question") else ["kind", "question", column]
    asked = votes[names].drop_duplicates()
    questions = [
        question_of(str(kind), str(name)) for kind, name in zip(asked["kind"], asked["question"], strict=True)
    ]
    return {
        key: dict(question.mirror)
        for key, question in zip(asked[column], questions, strict=True)
        if isinstance(question, ChoiceQuestion) and question.mirror is not None
    }
