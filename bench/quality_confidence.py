"""Whom does the reward multiplier touch? Honest newcomers should keep all, steady contrarians should not.

Run: python -m bench.quality_confidence [repetitions]

Each simulation has 100 established people with 200 answers, 100 honest newcomers with 10 to 40, and 5
contrarians with 200 who give another answer than the right one in nine cases of ten. Honest people are right
with a probability of their own, from Beta(16, 4). Ends with the error of the shrunk share of matches against
the truth, beside that of the raw share.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from quality import annotator_confidence
from quality.confidence import Population

SETTINGS = [
    # answers an item, shares of the right answers
    (3, (0.5, 0.5)),
    (5, (0.5, 0.5)),
    (3, (0.9, 0.1)),
    (5, (0.9, 0.1)),
    (3, (0.4, 0.3, 0.3)),
    (3, (0.8, 0.15, 0.05)),
]
GROUPS = {"established": 100, "newcomer": 100, "contrarian": 5}


def answers_of(rng: np.random.Generator, overlap: int, shares: tuple[float, ...]) -> pd.DataFrame:
    """Deal items out until everybody has as many answers as they should; columns also ``group``."""
    honest = rng.beta(16, 4, GROUPS["established"] + GROUPS["newcomer"])
    accuracy = np.concatenate([honest, np.full(GROUPS["contrarian"], 0.1)])
    group = np.repeat(list(GROUPS), list(GROUPS.values()))
    wanted = np.where(group == "newcomer", rng.integers(10, 41, len(group)), 200)
    # Whoever stands in a shuffled row of all answers at the same place of two neighbouring items answers both.
    row = rng.permutation(np.repeat(np.arange(len(group)), wanted))
    who = row[: len(row) // overlap * overlap].reshape(-1, overlap)
    truth = rng.choice(len(shares), p=shares, size=(len(who), 1))
    wrong = (truth + rng.integers(1, len(shares), who.shape)) % len(shares)
    value = np.where(rng.random(who.shape) < accuracy[who], truth, wrong)
    item = np.repeat(np.arange(len(who)), overlap)
    table = pd.DataFrame({"item": item, "annotator": who.ravel(), "value": value.ravel()})
    return table.assign(group=group[table["annotator"]])


def touched(rng: np.random.Generator, overlap: int, shares: tuple[float, ...]) -> pd.DataFrame:
    """Return group, answers and whether the reward fell, for each person."""
    table = answers_of(rng, overlap, shares)
    rows = annotator_confidence(table[["item", "annotator", "value"]])
    group = table.drop_duplicates("annotator").set_index("annotator")["group"]
    return rows.assign(group=rows["annotator"].map(group), lost=rows["multiplier"] < 1)


def errors(answers: int, people: int = 200_000) -> tuple[float, float]:
    """Return the root mean squared error of the raw and of the shrunk share of matches."""
    rng = np.random.default_rng(1)
    truth = rng.beta(16, 4, people)
    agreeing = rng.binomial(answers, truth).astype(float)
    prior = Population.of(agreeing, np.full(people, float(answers)))
    shrunk = (agreeing + prior.strength * prior.mean) / (answers + prior.strength)
    raw_error, error = (float(np.sqrt(np.mean((each - truth) ** 2))) for each in (agreeing / answers, shrunk))
    return raw_error, error


def main(repetitions: int) -> None:
    print("answers an item, right answers | share that loses: newcomers, established, contrarians")
    for overlap, shares in SETTINGS:
        rng = np.random.default_rng(7)
        rows = pd.concat([touched(rng, overlap, shares) for _ in range(repetitions)])
        lost = rows[rows["n_answers"] >= 10].groupby("group")["lost"].mean()
        figures = "  ".join(f"{lost[group]:.4f}" for group in ("newcomer", "established", "contrarian"))
        print(f"{overlap:2}  {shares!s:18} | {figures}")
    for answers in (3, 10, 100):
        raw, shrunk = errors(answers)
        print(f"{answers:3} answers: error {raw:.3f} raw, {shrunk:.3f} shrunk")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
