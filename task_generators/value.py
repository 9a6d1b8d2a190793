"""What one more answer to a task is worth: the order in which tasks are offered, and which of them can close. Pure."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import ItemPosterior, Significance, Task


def uncertainty(task: Task, posteriors: Iterable[ItemPosterior]) -> float:
    """Return how little is known of what a task asks, from 0 (everything) to 1 (nothing).

    It is the mean, over the questions with options, of the entropy of the posterior as a share of the largest one; a
    question without answers counts 1, and so does a repetition: it is asked to learn of people, whose answers are what
    nobody knows.

    Args:
        task: of any kind.
        posteriors: those of its items.
    """
    if task.reask_of is not None:
        return 1.0
    known = {(posterior.question, posterior.item): posterior.probabilities for posterior in posteriors}
    asked = (
        kind_of(task.kind).showing(len(task.message_ids)).voted_on(task.message_ids, task.conversation_ids)
    )
    shares = [_entropy(known.get(each)) for each in asked]
    return sum(shares) / len(shares) if shares else 1.0


def expected_value(
    task: Task, uncertain: float, answers: int, weights: Mapping[Significance, float]
) -> float:
    """Return the value of one more answer: significance times uncertainty, less what was spent.

    What was spent is the share of the task's answers that came. A closed task is worth nothing more.

    Args:
        task: of any kind.
        uncertain: as ``uncertainty`` returns it.
        answers: how many people answered.
        weights: of each significance, such as ``mix.significance``; without a weight it is worth nothing.
    """
    if task.closed_at is not None or answers >= task.overlap:
        return 0.0
    return weights.get(task.significance, 0.0) * uncertain - answers / task.overlap


def _entropy(probabilities: Mapping[str, float] | None) -> float:
    if probabilities is None or len(probabilities) < 2:
        return 1.0
    return -sum(p * log(p) for p in probabilities.values() if p > 0) / log(len(probabilities))
