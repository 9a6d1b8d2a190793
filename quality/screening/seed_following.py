"""Seed following: people who side with a model's seed feedback where the others' majority says something else.

An honest person agrees with the seed where it is right, and then most others do as well. Where the others agree with
each other against it, siding with it is rare, whatever the seed is worth. Who asks a model and copies what it says, or
accepts the suggestion that a task shows, sides with it nearly always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from quality.labels import CodedLabels
from quality.multiple_testing import benjamini_hochberg
from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason
from quality.votes import on_seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_AGAINST = 10
"""The number of answers, on which the others are against the seed, that a person needs to be compared."""

MIN_EXCESS = 0.5
"""A person is flagged from half of the way between the usual share and always, however significant it is."""

_LEAST_VARIATION = 0.02
_MOST_VARIATION = 0.5
_NORMAL_MAD = 1.4826
_STEPS = 40


def seed_following(votes: pd.DataFrame, seeds: pd.DataFrame, level: float) -> list[Finding]:
    """Return the people who follow a judge's seed feedback against everybody else's answers.

    For each judge, an answer counts where the others' majority (without the person, and not tied) differs from the
    seed. The number of those that side with the seed is compared with a beta-binomial distribution: its mean is that
    of everybody on the same questions, its variation is taken from the middle half of all people, so that a few who
    follow the seed do not hide themselves.

    Args:
        votes: as ``quality.votes`` returns it; columns ``kind``, ``question``, ``item``, ``annotator``, ``value``.
        seeds: as ``quality.seed_feedback.seed_table`` returns it.
        level: false discovery rate among all people and judges compared, between 0 and 1.

    Returns:
        At most one finding for each person, for the judge that they follow most surely, ascending.
    """
    against = _against(on_seeded(votes), seeds)
    tested = [table for _, of_judge in against.groupby("judge") if len(table := _tested(of_judge))]
    if not tested:
        return []
    people = pd.concat(tested, ignore_index=True)
    people["q"] = benjamini_hochberg(people["p"])
    share, usual = people["sided"] / people["n"], people["expected"] / people["n"]
    found = people[(people["q"] <= level) & (share >= usual + MIN_EXCESS * (1 - usual))]
    found = found.sort_values(["annotator", "q", "judge"]).drop_duplicates("annotator")
    columns = [found[name].tolist() for name in ("annotator", "judge", "n", "sided", "expected", "q")]
    return [
        Finding(
            str(person),
            FlagReason.SEED_FOLLOWING,
            {
                "judge": [str(judge)],
                "against_the_seed": int(n),
                "sides_with_seed": round(float(sided / n), 3),
                "expected": round(float(expected / n), 3),
                "q_value": float(f"{q:.3g}"),
                "items": _examples(against, str(person), str(judge)),
            },
            int(n),
        )
        for person, judge, n, sided, expected, q in zip(*columns, strict=True)
    ]


def _against(votes: pd.DataFrame, seeds: pd.DataFrame) -> pd.DataFrame:
    """Return the answers on which the others are against a seed: ``judge``, ``question``, ``item``, ``annotator``,
    ``sided`` (whether the answer is the seed's).
    """
    rows = []
    for question, table in votes.groupby("question", sort=True):
        labels = CodedLabels.of(table)
        counts = np.zeros((len(labels.items), len(labels.values)))
        np.add.at(counts, (labels.item, labels.value), 1)
        others = counts[labels.item]
        others[np.arange(len(others)), labels.value] -= 1
        most = others.max(axis=1, initial=0)
        decided = (most > 0) & ((others == most[:, None]).sum(axis=1) == 1)
        majority = np.array(labels.values, dtype=object)[others.argmax(axis=1)] if len(others) else []
        answers = pd.DataFrame(
            {
                "item": labels.items[labels.item],
                "annotator": labels.annotators[labels.annotator],
                "value": np.array(labels.values, dtype=object)[labels.value],
                "majority": majority,
            }
        )[decided]
        of_question = seeds.loc[seeds["question"] == question, ["judge", "item", "value"]]
        both = answers.merge(of_question, on="item", suffixes=("", "_of_seed"))
        both = both[both["majority"] != both["value_of_seed"]]
        rows.append(
            both[["judge", "item", "annotator"]].assign(
                question=question, sided=both["value"] == both["value_of_seed"]
            )
        )
    columns = ["judge", "item", "annotator", "question", "sided"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _tested(against: pd.DataFrame) -> pd.DataFrame:
    """Return each person with enough answers against one judge: ``judge``, ``annotator``, ``n``, ``sided``,
    ``expected`` and the p-value ``p``.
    """
    usual = against.groupby("question")["sided"].transform("mean")
    people = (
        against.assign(usual=usual)
        .groupby(["judge", "annotator"], as_index=False)
        .agg(n=("sided", "size"), sided=("sided", "sum"), expected=("usual", "sum"))
    )
    people = people[people["n"] >= MIN_AGAINST]
    n, sided = people["n"].to_numpy(np.float64), people["sided"].to_numpy(np.float64)
    mean = (people["expected"].to_numpy(np.float64) / n).clip(0.01, 0.99)
    variation = _variation(n, sided, mean)
    strength = 1 / variation - 1
    return people.assign(p=stats.betabinom.sf(sided - 1, n, mean * strength, (1 - mean) * strength))


def _variation(n: NDArray[np.float64], sided: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the intraclass correlation at which the middle half of people vary as a beta-binomial says."""
    if not len(n):
        return _LEAST_VARIATION
    z = (sided - n * mean) / np.sqrt(n * mean * (1 - mean))
    z = np.abs(z - np.median(z))
    low, high = _LEAST_VARIATION, _MOST_VARIATION
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _NORMAL_MAD * np.median(z / np.sqrt(1 + (n - 1) * middle)) > 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _examples(against: pd.DataFrame, person: str, judge: str) -> list[str]:
    mine = against[(against["annotator"] == person) & (against["judge"] == judge) & against["sided"]]
    return list(dict.fromkeys(mine["item"].astype(str)))[:MAX_EXAMPLES]
