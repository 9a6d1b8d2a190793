"""Guessing: people whose answers do not depend on the items, because they are random or always the same.

A person's *attention* is 0 if the answers do not depend on the item, and 1 if they depend on the others' answers as
much as the crowd's do. Attention is estimated for all people together, as a mixture of a share of people with
attention 0 and a normal distribution of honest people; a careless or unusual person is thus compared with the
variation of honest people. Half of the difference between a person's answer frequencies and the expected ones is
attributed to taste, so that a strict annotator is not flagged, and a person who always gives the same answer is.

The test statistic is the log-likelihood ratio of the usual attention against attention 0. Its reference distribution is
that of an honest person on the same items, including ties of the others' answers and of the statistic (FastChat's
test, which leaves ties out, flags most honest people). Answers to one task are correlated; the evidence is divided by
the design effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from quality.labels import margin
from quality.multiple_testing import benjamini_hochberg
from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason
from quality.screening.predictive import Predictive

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from quality.labels import Mirror

SAME_ANSWER = 0.95
"""The share of one answer from which a guessing finding is reported as straight-lining."""

_GRID: NDArray[np.float64] = np.linspace(0, 1.6, 33, dtype=np.float64)
_HONEST = _GRID >= 0.2
_ROUNDS = 50
_LEAST_SPREAD = 0.1
_STAGES = (1_000, 2_000, 4_000, 8_000, 20_000)
"""Numbers of draws of a reference distribution after which sampling may stop."""
_WIDE = 2
"""P-values up to this multiple of the level are estimated by sampling rather than by approximation."""
_ENOUGH_REACHED = 20
"""The number of draws at or below the statistic from which sampling may stop early."""
_IMPOSSIBLE = 1e-6


def guessing(
    votes: pd.DataFrame, level: float, seed: int = 0, *, mirrors: Mapping[Hashable, Mirror] | None = None
) -> list[Finding]:
    """Return the people whose answers fit guessing better than honest reading.

    Args:
        votes: columns ``question``, ``item``, ``annotator``, ``value``, ``task_id``.
        level: false discovery rate among the people returned, between 0 and 1.
        seed: seed of the draws of the reference distribution.
        mirrors: for each question that is a comparison, what its values become when the two sides change places. A
            preference for one side has no meaning there: both sides are equally frequent by chance and by taste.

    Returns:
        One finding per person, ``guessing`` or ``straight_lining``, in ascending order of person. Items that
        nobody else answered are left out.
    """
    by_question = votes.groupby("question", sort=True)
    tables = [(table, Predictive.of(table, (mirrors or {}).get(name))) for name, table in by_question]
    answered = [(table, _Question.of(predictive)) for table, predictive in tables if len(predictive.value)]
    if not answered:
        return []
    questions = [question for _, question in answered]
    everyone = pd.Index(np.unique(np.concatenate([question.present for question in questions])))
    effect = _design_effect(answered)
    honest = _Honest.of(_log_likelihood(questions, everyone) / effect)
    p_values = _p_values(questions, everyone, honest, effect, level, np.random.default_rng(seed))
    adjusted = benjamini_hochberg(p_values)
    return [
        _finding(str(person), questions, p, q)
        for person, p, q in zip(everyone, p_values, adjusted, strict=True)
        if q <= level
    ]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Answers to one question, by person and leave-one-out counts of the others, (rows x values).

    ``counts`` is how often the row's person gave each value; ``inattentive`` and ``attentive`` are the probabilities of
    each value at attention 0 and 1.
    """

    counts: NDArray[np.int64]
    inattentive: NDArray[np.float64]
    attentive: NDArray[np.float64]

    def chance(self, attention: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each value, (rows x values); with a leading axis for an array of attentions."""
        share = np.asarray(attention)[..., None, None]
        mixed = ((1 - share) * self.inattentive + share * self.attentive).clip(min=_IMPOSSIBLE)
        return np.asarray(mixed / mixed.sum(axis=-1, keepdims=True), dtype=np.float64)

    def score(self, attention: float) -> NDArray[np.float64]:
        """Return the log-likelihood ratio of each value against attention 0, (rows x values)."""
        return np.log(self.chance(attention) / self.inattentive)


@dataclass(frozen=True)
class _Question:
    predictive: Predictive
    person: NDArray[np.int64]
    table: _Rows

    @classmethod
    def of(cls, predictive: Predictive) -> _Question:
        n_people, (n_ways, n_values) = len(predictive.people), predictive.probability.shape
        pair, row = np.unique(predictive.person * n_ways + predictive.rest, return_inverse=True)
        person, crowd = pair // n_ways, predictive.probability[pair % n_ways]
        counts = np.bincount(row * n_values + predictive.value, minlength=len(pair) * n_values)
        counts = counts.reshape(len(pair), n_values)
        own: NDArray[np.float64] = np.zeros((n_people, n_values))
        expected: NDArray[np.float64] = np.zeros((n_people, n_values))
        np.add.at(expected, person, crowd * counts.sum(axis=1, keepdims=True))
        np.add.at(own, person, counts)
        answers = own.sum(axis=1, keepdims=True).clip(min=1)
        expected = margin(expected, predictive.mirror) / answers
        usual = (margin(own, predictive.mirror) + expected) / (
            answers + 1
        )  # one answer of the crowd is added, so that no share is 0
        taste = 0.5 + 0.5 * usual / expected.clip(min=_IMPOSSIBLE)
        attentive = crowd * taste[person]
        attentive /= attentive.sum(axis=1, keepdims=True)
        return cls(predictive, person, _Rows(counts, usual[person], attentive))

    @property
    def present(self) -> pd.Index:
        return self.predictive.people[np.unique(self.person)]

    def number(self, person: str) -> int:
        return int(self.predictive.people.get_indexer(pd.Index([person]))[0])

    def per_person(self, everyone: pd.Index, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum ``values`` (rows,) over the rows of each person of ``everyone``."""
        place = everyone.get_indexer(
            self.predictive.people
        )  # -1: a person without answers to compare, who has no row
        return np.asarray(np.bincount(place[self.person], values, len(everyone)), dtype=np.float64)

    def rows(self, person: str) -> _Rows:
        number = self.number(person)
        first, last = np.searchsorted(self.person, [number, number + 1])
        mine = slice(first, last)
        return _Rows(self.table.counts[mine], self.table.inattentive[mine], self.table.attentive[mine])


def _log_likelihood(questions: Sequence[_Question], everyone: pd.Index) -> NDArray[np.float64]:
    """Return the log-likelihood of each attention of ``_GRID``, (people x grid)."""
    log_likelihood = np.zeros((len(everyone), len(_GRID)))
    for question in questions:
        for column, attention in enumerate(_GRID):
            per_row = (question.table.counts * np.log(question.table.chance(attention))).sum(axis=1)
            log_likelihood[:, column] += question.per_person(everyone, per_row)
    return log_likelihood


@dataclass(frozen=True, slots=True)
class _Honest:
    """The attention of honest people: its mean, ``usual``, and the weight of each value of ``_GRID``."""

    usual: float
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, log_likelihood: NDArray[np.float64]) -> _Honest:
        """Fit a share of people with attention 0 and a normal distribution of the others to (people x grid)."""
        likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        guessers, mean, spread = 0.1, 0.9, 0.3
        for _ in range(_ROUNDS):
            weights = _normal_weights(mean, spread)
            joint = likelihood * weights * (1 - guessers)
            none = likelihood[:, 0] * guessers
            total = joint.sum(axis=1) + none
            honest = joint / total[:, None]
            # two typical people are added, so that a handful of people does not determine the distribution alone
            count = honest.sum() + 2
            guessers = float((none / total).sum() / (len(likelihood) + 2))
            mean = float(((honest * _GRID).sum() + 2 * 0.9) / count)
            variance = float(((honest * (_GRID - mean) ** 2).sum() + 2 * 0.2**2) / count)
            spread = max(_LEAST_SPREAD, variance**0.5)
        return cls(mean, _normal_weights(mean, spread))


def _normal_weights(mean: float, spread: float) -> NDArray[np.float64]:
    weights = np.where(_HONEST, stats.norm.pdf(_GRID, mean, spread), 0.0)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _design_effect(questions: Sequence[tuple[pd.DataFrame, _Question]]) -> float:
    """Return the design effect: the variance of sums over a task's answers, relative to independent answers."""
    parts = []
    for table, question in questions:
        predictive = question.predictive
        likely = np.log(predictive.probability[predictive.rest, predictive.value])
        counts = np.bincount(predictive.person, minlength=len(predictive.people)).clip(min=1)
        mean = np.bincount(predictive.person, likely, len(predictive.people)) / counts
        person = predictive.people[predictive.person]
        index = pd.MultiIndex.from_arrays([predictive.items[predictive.item], person])
        last = table.drop_duplicates(["item", "annotator"], keep="last").set_index(["item", "annotator"])
        task = last["task_id"].reindex(index).to_numpy()
        parts.append(
            pd.DataFrame({"task": task, "person": person, "residual": likely - mean[predictive.person]})
        )
    residuals = pd.concat(parts)
    apart = float((residuals["residual"] ** 2).sum())
    together = float((residuals.groupby(["task", "person"])["residual"].sum() ** 2).sum())
    return max(1.0, together / apart) if apart > 0 else 1.0


def _p_values(
    questions: Sequence[_Question],
    everyone: pd.Index,
    honest: _Honest,
    effect: float,
    level: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the probability that an honest person's statistic is as low, (people,).

    Values well above ``level`` are normal approximations.
    """
    shape = (len(everyone), len(_GRID))
    observed, mean, variance = np.zeros(shape[0]), np.zeros(shape), np.zeros(shape)
    for question in questions:
        rows = question.table
        score, times = rows.score(honest.usual), rows.counts.sum(axis=1)
        observed += question.per_person(everyone, (rows.counts * score).sum(axis=1))
        for column, attention in enumerate(_GRID):
            chance = rows.chance(attention)
            first = (chance * score).sum(axis=1)
            mean[:, column] += question.per_person(everyone, times * first)
            spread = (chance * score**2).sum(axis=1) - first**2
            variance[:, column] += question.per_person(everyone, times * spread)
    reach = mean + (observed[:, None] - mean) / effect**0.5
    p_values = stats.norm.cdf((reach - mean) / np.sqrt(variance.clip(min=1e-12))) @ honest.weights
    doubtful = np.flatnonzero(p_values <= _WIDE * level)
    # no p-value above this is significant among so many people
    critical = level * len(doubtful) / len(everyone)
    for number in doubtful:
        every = [question.rows(str(everyone[number])) for question in questions]
        p_values[number] = _drawn_p_value(every, honest, reach[number], critical, rng)
    return np.asarray(p_values, dtype=np.float64)


def _drawn_p_value(
    every: Sequence[_Rows],
    honest: _Honest,
    reach: NDArray[np.float64],
    critical: float,
    rng: np.random.Generator,
) -> float:
    """Return the share of draws as low as the statistic; sampling stops early if it is surely above ``critical``.

    Source: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78.
    """
    likely = np.flatnonzero(honest.weights * _STAGES[-1] >= 1)
    weights = honest.weights[likely]
    drawn_from = [
        (rows.counts.sum(axis=1), rows.chance(_GRID[likely]), rows.score(honest.usual)) for rows in every
    ]
    reached = total = 0
    for before, after in pairwise((0, *_STAGES)):
        attention = np.repeat(
            np.arange(len(likely)), (weights * after).astype(int) - (weights * before).astype(int)
        )
        drawn = np.zeros(len(attention))
        for times, chance, score in drawn_from:
            drawn += np.tensordot(rng.multinomial(times, chance[attention]), score, axes=2)
        reached += int((drawn <= reach[likely][attention] + 1e-9).sum())
        total += len(drawn)
        if reached >= _ENOUGH_REACHED and reached > critical * total:
            break
    return (1 + reached) / (1 + total)


def _finding(person: str, questions: Sequence[_Question], p_value: float, adjusted: float) -> Finding:
    answers = agreeing = expected = same = entropy = crowd_entropy = 0.0
    surprising: list[tuple[float, str]] = []
    for question in questions:
        predictive = question.predictive
        mine = np.flatnonzero(predictive.person == question.number(person))
        if not len(mine):
            continue
        chances, answer = predictive.probability[predictive.rest[mine]], predictive.value[mine]
        own = chances[np.arange(len(mine)), answer]
        counts, everyone = (
            margin(np.bincount(codes, minlength=len(predictive.values)).astype(np.float64), predictive.mirror)
            for codes in (answer, predictive.value)
        )
        answers += len(mine)
        agreeing += float((own >= chances.max(axis=1) - 1e-12).sum())
        expected += float(chances.max(axis=1).sum())
        same += float(counts.max())
        entropy += len(mine) * _bits(counts)
        crowd_entropy += len(mine) * _bits(everyone)
        items = predictive.items[predictive.item[mine]]
        surprising += [(float(chance), str(item)) for chance, item in zip(own, items, strict=True)]
    return Finding(
        person,
        FlagReason.STRAIGHT_LINING if same >= SAME_ANSWER * answers else FlagReason.GUESSING,
        {
            "answers": int(answers),
            "agree_with_others": round(agreeing / answers, 3),
            "crowd_agrees": round(expected / answers, 3),
            "same_answer": round(same / answers, 3),
            "entropy_bits": round(entropy / answers, 3),
            "crowd_entropy_bits": round(crowd_entropy / answers, 3),
            "p_value": float(f"{p_value:.3g}"),
            "q_value": float(f"{adjusted:.3g}"),
            "items": list(dict.fromkeys(item for _, item in sorted(surprising)))[:MAX_EXAMPLES],
        },
        int(answers),
    )


def _bits(counts: NDArray[np.float64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return abs(float(-(share * np.log2(share)).sum()))
