"""Disputed items: items whose answers differ, or are tied, although all requested answers have come."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality.votes import in_classes
from workspaces.records import IMPORTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from workspaces.records import Task

COLUMNS = ("kind", "task_id", "item", "n_tied", "answers")


def disputed_items(votes: pd.DataFrame, overlap: pd.Series[int]) -> pd.DataFrame:
    """Return the items with questions whose most frequent answers are tied; one more answer would break the tie.

    Args:
        votes: as ``quality.votes`` returns it.
        overlap: the number of answers requested, by task id. A question with fewer answers is left out.

    Returns:
        One row per item, those with the most tied questions first: ``kind``, ``task_id``, ``item``, ``n_tied``
        (questions), ``answers`` to these ("helpful: no 1, yes 1; toxic: na 1, no 1").
    """
    answered = in_classes(votes[votes["value"].notna()])
    question, questions = pd.factorize(answered["kind"] + " " + answered["question"])
    item, _ = pd.factorize(answered["item"])
    group, _ = pd.factorize(item.astype(np.int64) * max(len(questions), 1) + question)
    value, values = pd.factorize(answered["value"], sort=True)
    size = int(group.max()) + 1 if len(group) else 0
    counts = np.bincount(group * max(len(values), 1) + value, minlength=size * len(values))
    counts = counts.reshape(size, len(values))
    first = np.unique(group, return_index=True)[1]
    groups = answered.iloc[first][["kind", "task_id", "item", "question"]].assign(
        n_answers=counts.sum(axis=1)
    )
    most = counts.max(axis=1, initial=0)
    tied = ((counts == most[:, None]) & (counts > 0)).sum(axis=1) > 1
    enough = groups["n_answers"] >= groups["task_id"].map(overlap).fillna(np.inf)
    chosen = tied & enough.to_numpy()
    tied_groups = (
        groups[chosen]
        .assign(answers=_spelled(counts[chosen], values))
        .sort_values(["kind", "item", "question"])
    )
    tied_groups["answers"] = tied_groups["question"] + ": " + tied_groups["answers"]
    items = tied_groups.groupby(["kind", "item"], sort=True)
    disputed = items.agg(
        task_id=("task_id", "first"), n_tied=("question", "size"), answers=("answers", "; ".join)
    )
    order = disputed.reset_index().sort_values("n_tied", ascending=False, kind="stable", ignore_index=True)
    return pd.DataFrame(order, columns=list(COLUMNS))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A question on which people differ about an item, and how many gave each vote; ``task_id`` is a task about it."""

    kind: str
    question: str
    item: str
    task_id: str
    counts: Mapping[str, int]


def disagreements(votes: pd.DataFrame, tasks: Mapping[str, Task]) -> list[Disagreement]:
    """Return the questions on which people differ about items that no more answers were asked for.

    Two people who prefer the same side, one much and one slightly, agree. What came with a chat log counts beside the
    answers to a task; it is no item by itself, and none of the answers that were asked for.

    Args:
        votes: as ``quality.votes`` returns it.
        tasks: by id, at least those of the votes.
    """
    answered = in_classes(votes[votes["value"].notna()])
    about = ["kind", "question", "item"]
    differing = answered[answered.groupby(about)["value"].transform("nunique") > 1]
    found = []
    for (kind, question, item), table in differing.groupby(about, sort=True):
        asked = [task for name in sorted(set(table["task_id"])) if (task := tasks[name]).platform != IMPORTED]
        if not asked:
            continue
        task = max(asked, key=lambda it: (it.overlap, it.id))
        counts = Counter(table["value"])
        given = sum(tasks[name].platform != IMPORTED for name in table["task_id"])
        if task.closed_at is not None or given >= task.overlap:
            found.append(
                Disagreement(str(kind), str(question), str(item), task.id, dict(sorted(counts.items())))
            )
    return found


def _spelled(counts: NDArray[np.int64], values: pd.Index[str]) -> list[str]:
    return [
        ", ".join(f"{value} {count}" for value, count in zip(values, row, strict=True) if count)
        for row in counts.tolist()
    ]
