"""Which aggregation finds the right answers? Majority, MACE and Dawid-Skene with several priors.

Run: python -m bench.aggregation [tables] (default 5 tables of each generated set, more of small ones)
     python -m bench.aggregation real FOLDER (public sets: FOLDER/**/label.csv with item, worker, label, and truth.csv
         beside it with item, truth; https://github.com/yuan-li/truth-inference-at-scale has nineteen under data/)
     python -m bench.aggregation measure FOLDER (writes bench/crowds.json again)

The sets themselves are not here. The generated tables have the structure that was measured on them
(``bench.crowds``), so nothing was set by hand.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.crowds import Answers, Crowd, crowds, drawn, measured, write
from quality import CAUTIOUS, NEAR_VOTES, POOLED, UNSMOOTHED, dawid_skene, mace, vote_distribution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

OTHERS = ("majority", "unsmoothed", "4:1 diagonal")
PRIORS = (
    ("unsmoothed", UNSMOOTHED),
    ("4:1 diagonal", CAUTIOUS),
    ("pooled", POOLED),
    ("near votes", NEAR_VOTES),
)
MOST_FOR_MACE = 30_000
NAMES = {
    "bluebird": "Bluebirds",
    "dog": "Dogs",
    "rte": "RTE",
    "trec": "TREC",
    "web": "Web search relevance",
    "CF": "Weather, CrowdFlower",
    "CF_amt": "Weather, MTurk",
    "MS": "Music genre",
    "SP": "Sentence polarity",
    "SP_amt": "Sentence polarity, MTurk",
    "ZenCrowd_all": "ZenCrowd, all",
    "ZenCrowd_in": "ZenCrowd, India",
    "ZenCrowd_us": "ZenCrowd, USA",
    "d_jn-product": "Product",
    "d_sentiment": "Tweets, positive or not",
    "s4_Face Sentiment Identification": "Faces",
    "s4_Relevance": "S_Rel",
    "s5_AdultContent": "S_Adult",
    "fact_eval": "CrowdScale facts",
}
"""What the folders hold."""


def scores(answers: Answers, *, with_mace: bool = True) -> pd.DataFrame:
    """Return how far each method is right about each item whose truth is known, 0 to 1: of several answers that are as
    frequent, the majority is right by the number tied."""
    values = list(range(answers.n_values))
    counts = vote_distribution(answers.table).reindex(columns=values, fill_value=0)
    tops = counts.eq(counts.max(axis=1), axis=0)
    known = answers.truth[answers.truth.index.isin(counts.index)]
    by_majority = tops.div(tops.sum(axis=1), axis=0).loc[known.index].to_numpy()
    found = {"majority": by_majority[np.arange(len(known)), known.to_numpy()]}
    for name, prior in PRIORS:
        found[name] = _right(dawid_skene(answers.table, values, prior=prior).posteriors, known)
    if with_mace:
        found["MACE"] = _right(mace(answers.table, values, restarts=3).posteriors, known)
        found["MACE as published"] = _right(
            mace(answers.table, values, restarts=3, pull=None).posteriors, known
        )
    return pd.DataFrame(found, known.index)


def _right(posteriors: pd.DataFrame, truth: pd.Series[int]) -> NDArray[np.float64]:
    guessed = posteriors.loc[truth.index].to_numpy().argmax(axis=1)
    return np.asarray(guessed == truth.to_numpy(), dtype=np.float64)


def accuracies(answers: Answers, *, with_mace: bool = True) -> dict[str, float]:
    """Return the share of items that each method gets right."""
    return {str(name): float(mean) for name, mean in scores(answers, with_mace=with_mace).mean().items()}


def read(folder: Path) -> Iterator[tuple[str, Answers]]:
    """Yield every set under a folder; a set that is there twice comes once."""
    seen = set[tuple[int, ...]]()
    for path in sorted(folder.rglob("label.csv")):
        answers = Answers.read(path.parent)
        size = (*answers.table.nunique(), len(answers.table))
        if size not in seen:
            seen.add(size)
            yield NAMES.get(path.parent.name, path.parent.name), answers


def line(name: str, found: pd.DataFrame, error: str) -> str:
    """Describe a set: the mean of each method, and the default beside the best of the others."""
    mean = found.mean()
    best = str(mean[list(OTHERS)].idxmax())
    differences = found["pooled"] - found[best]
    spread = 100 * differences.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else float("nan")
    row = "  ".join(f"{method} {value:.3f}" for method, value in mean.items())
    return f"{name:24} {row}   pooled {100 * differences.mean():+.1f} points (standard error {spread:.1f}, {error})"


def on_real(folder: Path) -> None:
    for name, answers in read(folder):
        found = scores(answers, with_mace=len(answers.table) <= MOST_FOR_MACE)
        print(line(name, found, f"{len(found):,} items"), flush=True)


def on_generated(tables: int) -> None:
    for crowd in crowds():
        rng = np.random.default_rng(1)
        with_mace = crowd.items * float(np.mean(crowd.answers)) <= MOST_FOR_MACE
        number = max(tables, min(8 * tables, 5000 // crowd.items))
        rows = [accuracies(drawn(crowd, rng), with_mace=with_mace) for _ in range(number)]
        print(line(crowd.name, pd.DataFrame(rows), f"{number} tables"), flush=True)


def measure(folder: Path) -> None:
    found = list[Crowd]()
    for name, answers in read(folder):
        found.append(replace(measured(answers, np.random.default_rng(0)), name=name))
        print(found[-1], flush=True)
    write(found)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        {"real": on_real, "measure": measure}[sys.argv[1]](Path(sys.argv[2]))
    else:
        on_generated(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
