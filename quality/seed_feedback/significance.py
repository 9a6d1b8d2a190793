"""Calibration of significance: whether it predicts disagreement between people, or change (rewrites)."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt, tanh
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from workspaces.records import Significance

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = tuple(level.value for level in Significance)
ENOUGH_TASKS = 30
NEGLIGIBLE = 0.1
"""A rank correlation up to this is too small to be useful for pricing."""

MEASURES = ("disagreement", "change")
_OUTCOMES = {"disagreement": "people disagree", "change": "people rewrite the response"}
_NOUNS = {"disagreement": "disagreement", "change": "rewrites"}


@dataclass(frozen=True, slots=True)
class Level:
    """Disagreement and change on the tasks of one kind and significance.

    ``disagreement`` is the mean over tasks of the probability that two people answer a question differently,
    ``entropy`` the mean of the Shannon entropy of their votes (bits), both over tasks with two or more answers;
    ``change`` is the mean share of answers with a rewrite. The ``_low`` and ``_high`` fields bound 95 % intervals for
    other tasks. ``None`` where a figure is not known.
    """

    kind: str
    significance: str
    n_tasks: int
    disagreement: float | None
    disagreement_low: float | None
    disagreement_high: float | None
    entropy: float | None
    change: float | None
    change_low: float | None
    change_high: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What significance predicts on tasks of one kind.

    ``correlation`` maps each of ``MEASURES`` to Spearman's rho between the level (low, medium, high) and the measure,
    with its 95 % interval, or to ``None`` where it is undefined. ``recommendation`` is a text for the lead.
    """

    kind: str
    levels: tuple[Level, ...]
    correlation: dict[str, tuple[float, float, float] | None]
    recommendation: str


def significance_calibration(
    votes: pd.DataFrame, tasks: pd.DataFrame, rewrites: pd.DataFrame
) -> tuple[Calibration, ...]:
    """Compare the significance of tasks with the disagreement and the rewrites of the people who answered them.

    Args:
        votes: as ``quality.votes`` returns it.
        tasks: as ``task_table`` returns it.
        rewrites: as ``rewrite_table`` returns it.

    Returns:
        One entry per kind with answers, ascending. Disagreement is 1 - sum(c(c - 1)) / (n(n - 1)) over a
        question's counts c of n votes, averaged over the questions of a task; unlike that of entropy, its expectation
        does not depend on the number of votes. Intervals of rho are those of Bonett and Wright (2000).

    Source: Simpson (1949), Measurement of diversity; Bonett and Wright (2000), Psychometrika 65.
    """
    measured = _measure(votes)
    measured["change"] = rewrites.groupby("task_id")["rewritten"].mean().reindex(measured.index)
    measured = measured.join(tasks.set_index("task_id")[["kind", "significance"]], how="inner")
    return tuple(_calibrate(str(kind), table) for kind, table in measured.groupby("kind", sort=True))


def _measure(votes: pd.DataFrame) -> pd.DataFrame:
    """Return ``disagreement`` and ``entropy`` of every task; missing where no question has two answers."""
    answered = votes[votes["value"].notna()]
    task, task_ids = pd.factorize(answered["task_id"])
    question, questions = pd.factorize(answered["question"])
    value, values = pd.factorize(answered["value"])
    pair = task.astype(np.int64) * max(len(questions), 1) + question
    pairs, place = np.unique(pair, return_inverse=True)
    counts = np.bincount(place * len(values) + value, minlength=len(pairs) * len(values))
    counts = counts.reshape(len(pairs), len(values)).astype(np.float64)
    several = counts.sum(axis=1) >= 2
    counts, owner = counts[several], pairs[several] // max(len(questions), 1)
    answers = counts.sum(axis=1)
    share = counts / answers[:, None]
    apart = 1 - (counts * (counts - 1)).sum(axis=1) / (answers * (answers - 1))
    entropy = -(share * np.log2(share, out=np.zeros_like(share), where=share > 0)).sum(axis=1)
    return pd.DataFrame(
        {name: _mean_by(owner, column, len(task_ids)) for name, column in
         (("disagreement", apart), ("entropy", entropy))},
        index=pd.Index(task_ids, name="task_id"),
    )  # fmt: skip


def _mean_by(owner: NDArray[np.int64], column: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    number = np.bincount(owner, minlength=size)
    mean = np.full(size, np.nan)
    np.divide(np.bincount(owner, weights=column, minlength=size), number, out=mean, where=number > 0)
    return mean


def _calibrate(kind: str, table: pd.DataFrame) -> Calibration:
    levels = tuple(_level(kind, level, table[table["significance"] == level]) for level in LEVELS)
    rank = table["significance"].map({level: number for number, level in enumerate(LEVELS)})
    correlation = {measure: _spearman(rank, table[measure]) for measure in MEASURES}
    return Calibration(kind, levels, correlation, _recommendation(kind, levels, correlation))


def _level(kind: str, level: str, table: pd.DataFrame) -> Level:
    disagreement, change = _mean(table["disagreement"]), _mean(table["change"])
    return Level(kind, level, len(table), *disagreement, _mean(table["entropy"])[0], *change)


def _mean(column: pd.Series[float]) -> tuple[float | None, float | None, float | None]:
    known = column.dropna().to_numpy(dtype=np.float64)
    if not len(known):
        return None, None, None
    mean = float(known.mean())
    if len(known) < 2:
        return mean, None, None
    # a task with 0 and one with 1 are added, so that the interval of equal tasks is not empty
    spread = np.concatenate([known, [0.0, 1.0]])
    reach = float(special.stdtrit(len(known) - 1, 0.975)) * float(spread.std(ddof=1)) / sqrt(len(spread))
    centre = float(spread.mean())
    return mean, max(min(centre - reach, mean), 0.0), min(max(centre + reach, mean), 1.0)


def _spearman(rank: pd.Series[int], column: pd.Series[float]) -> tuple[float, float, float] | None:
    known = column.notna()
    size = int(known.sum())
    if size < ENOUGH_TASKS or rank[known].nunique() < 2 or column[known].nunique() < 2:
        return None
    rho = float(np.corrcoef(rank[known].rank(), column[known].rank())[0, 1])
    reach = 1.96 * sqrt((1 + rho**2 / 2) / (size - 3))
    centre = float(np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12)))
    return rho, tanh(centre - reach), tanh(centre + reach)


def _recommendation(
    kind: str, levels: tuple[Level, ...], correlation: dict[str, tuple[float, float, float] | None]
) -> str:
    known = {measure: estimate for measure, estimate in correlation.items() if estimate is not None}
    if not known:
        return (
            f"It is too early to say what significance predicts on {kind} tasks: it takes {ENOUGH_TASKS} tasks with "
            "two or more answers, of two levels, that do not all come out alike."
        )
    rhos = " and ".join(
        f"{_NOUNS[measure]} (rank correlation {rho:+.2f}, {low:+.2f} to {high:+.2f})"
        for measure, (rho, low, high) in known.items()
    )
    works = [measure for measure, (_, low, _) in known.items() if low > 0]
    wrong = [measure for measure, (_, _, high) in known.items() if high < 0]
    if works:
        predicted = " and ".join(_OUTCOMES[measure] for measure in works)
        return (
            f"Higher significance does tell on which {kind} tasks {predicted}: it is worth paying more for them, "
            f"and giving them more answers. Held against {rhos}."
        )
    if wrong and len(wrong) == len(known):
        return (
            f"On {kind} tasks significance points the wrong way: change the prompt or the model behind the seed "
            f"feedback, and until then pay every level alike (rates.significance). Held against {rhos}."
        )
    if all(high < NEGLIGIBLE for _, _, high in known.values()):
        return (
            f"On {kind} tasks significance predicts nothing that matters: pay every level alike "
            f"(rates.significance), or change the prompt or the model behind the seed feedback. Held against {rhos}."
        )
    return f"It is not clear yet that significance predicts anything on {kind} tasks. Held against {rhos}."
