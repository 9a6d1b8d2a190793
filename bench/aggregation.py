"""Which aggregation finds the right answers? Majority, MACE and Dawid-Skene with several priors.

Run: python -m bench.aggregation [tables] (default 3 tables of each set)

The public sets themselves are not here. Each generator has the shape of a published set: classes, their shares, the
numbers of items, people and answers, how unevenly people answer, how far apart people are, and what is mistaken for
what. Sizes and shares are those published with the sets, as far as they are; the spread of skill, the mistakes and the
hard items were set by hand, so that majority votes and unsmoothed Dawid-Skene come near the published accuracies.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality import CAUTIOUS, POOLED, UNSMOOTHED, dawid_skene, mace, majority_vote

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """The structure of a published set.

    ``shares`` are the classes' shares of the items. ``answers`` is the mean number of answers to an item, ``uneven``
    the sigma of the log-normal number of answers of a person (0: all alike). A person's answers are right with a
    probability from Beta(``skill``), by class apart with ``by_class`` of its spread; wrong ones go to other classes by
    ``mistakes`` (rows: truth), mixed with a draw of the person's own by ``taste``. ``spam`` is the share of people who
    answer whatever the item is. An item is hard with probability ``hard``; each answer to it is then given as for one
    other class with probability ``misread``.
    """

    name: str
    shares: tuple[float, ...]
    items: int
    people: int
    answers: float
    uneven: float
    skill: tuple[float, float]
    by_class: float
    mistakes: tuple[tuple[float, ...], ...]
    taste: float
    spam: float
    hard: float
    misread: float = 1.0


def near(size: int, reach: float) -> tuple[tuple[float, ...], ...]:
    """Mistakes on a scale: the farther, the rarer."""
    place = np.arange(size)
    table = np.exp(-np.abs(place[:, None] - place) / reach)
    np.fill_diagonal(table, 0)
    return tuple(map(tuple, (table / table.sum(axis=1, keepdims=True)).tolist()))


def even(size: int) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(0.0 if row == column else 1 / (size - 1) for column in range(size)) for row in range(size)
    )


_WEATHER = (
    (0, 0.1, 0.1, 0.75, 0.05),
    (0.1, 0, 0.1, 0.75, 0.05),
    (0.1, 0.1, 0, 0.75, 0.05),
    (0.3, 0.3, 0.3, 0, 0.1),
    (0.2, 0.2, 0.1, 0.5, 0),
)

SETS = (
    # 108 pictures, all seen by all of 39 people; majority .759, Dawid-Skene .889 (Welinder et al. 2010)
    PublishedSet("Bluebirds", (0.56, 0.44), 108, 39, 39, 0.0, (1.7, 1.2), 0.9, even(2), 0.0, 0.2, 0.10),
    # 800 pairs of sentences, 164 people, 10 answers each; majority .90, Dawid-Skene .929 (Snow et al. 2008)
    PublishedSet("RTE", (0.5, 0.5), 800, 164, 10, 1.3, (5.2, 1.3), 0.4, even(2), 0.0, 0.10, 0.04),
    # 2,275 documents with 19,033 answers by 762 people; majority .65, Dawid-Skene .70 (TREC 2010)
    PublishedSet("TREC", (0.5, 0.5), 2275, 762, 8.4, 1.6, (2.6, 1.4), 0.7, even(2), 0.0, 0.15, 0.18),
    # 2,665 pages, 177 people, 15,567 answers; majority .731, unsmoothed .828 (Zhou et al. 2012)
    PublishedSet(
        "Web search relevance", (0.15, 0.2, 0.25, 0.25, 0.15), 2665, 177, 5.8, 1.5,
        (2.3, 1.6), 0.5, near(5, 1.0), 0.6, 0.12, 0.06,
    ),
    # 300 tweets, 110 people, 20 answers each, a class of a few items; majority about .89, unsmoothed .783
    PublishedSet(
        "Weather sentiment", (0.28, 0.24, 0.26, 0.2, 0.02), 300, 110, 20, 1.3,
        (6.0, 1.5), 0.5, _WEATHER, 0.3, 0.05, 0.25, 0.5,
    ),
    # 11,040 sites, 825 people, 89,948 answers, most sites of one class; majority .763, Dawid-Skene .748
    PublishedSet(
        "S_Adult", (0.58, 0.15, 0.12, 0.15), 11040, 825, 8.1, 1.8,
        (5.0, 1.3), 0.5, near(4, 1.2), 0.3, 0.0, 0.4, 0.55,
    ),
)  # fmt: skip


def drawn(like: PublishedSet, rng: np.random.Generator) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return a table of answers, and the true class of each item."""
    size = len(like.shares)
    truth = rng.choice(size, like.items, p=like.shares)
    is_hard, another = rng.random(like.items) < like.hard, _another(truth, like, rng)
    confusion = np.stack([_confusion(like, rng) for _ in range(like.people)])
    weight = rng.lognormal(0, like.uneven, like.people) if like.uneven else np.ones(like.people)
    times = np.minimum(np.maximum(rng.poisson(like.answers, like.items), 1), like.people)
    if like.answers == like.people:
        times[:] = like.people
    # the largest keys are a draw without replacement by weight (Efraimidis and Spirakis 2006)
    keys = np.log(rng.random((like.items, like.people))) / weight
    order = np.argsort(-keys, axis=1)
    item = np.repeat(np.arange(like.items), times)
    person = np.concatenate([row[:number] for row, number in zip(order, times, strict=True)])
    misread = is_hard[item] & (rng.random(len(item)) < like.misread)
    chances = confusion[person, np.where(misread, another[item], truth[item])].cumsum(axis=1)
    value = (rng.random((len(item), 1)) > chances[:, :-1]).sum(axis=1)
    return pd.DataFrame({"item": item, "annotator": person, "value": value}), truth


def _another(truth: NDArray[np.int64], like: PublishedSet, rng: np.random.Generator) -> NDArray[np.int64]:
    steps = np.array(like.mistakes)[truth].cumsum(axis=1)
    return np.asarray((rng.random((len(truth), 1)) > steps[:, :-1]).sum(axis=1), dtype=np.int64)


def _confusion(like: PublishedSet, rng: np.random.Generator) -> NDArray[np.float64]:
    size = len(like.shares)
    if rng.random() < like.spam:
        return np.tile(rng.dirichlet(np.ones(size)), (size, 1))
    skill = rng.beta(*like.skill)
    right = (1 - like.by_class) * skill + like.by_class * rng.beta(*like.skill, size)
    own = rng.dirichlet(np.ones(size), size) + 1e-9
    np.fill_diagonal(own, 0)
    own /= own.sum(axis=1, keepdims=True)
    wrong = (1 - like.taste) * np.array(like.mistakes) + like.taste * own
    return np.asarray(wrong * (1 - right)[:, None] + np.diag(right), dtype=np.float64)


def _most_probable(posteriors: pd.DataFrame) -> NDArray[np.int64]:
    return np.asarray(posteriors.to_numpy().argmax(axis=1), dtype=np.int64)


def accuracies(table: pd.DataFrame, truth: NDArray[np.int64], *, with_mace: bool = True) -> dict[str, float]:
    """Return the share of items that each method gets right; a tie of the majority counts by the number tied."""
    values = list(range(1 + max(int(truth.max()), int(table["value"].max()))))
    votes = majority_vote(table)
    counts = (
        table.groupby(["item", "value"]).size().unstack(fill_value=0).reindex(columns=values, fill_value=0)
    )
    tops = counts.eq(counts.max(axis=1), axis=0)
    shares = tops.to_numpy()[np.arange(len(truth)), truth] / tops.sum(axis=1).to_numpy()
    assert len(votes) == len(truth)
    found = {"majority": float(shares.mean())}
    for name, prior in (("unsmoothed", UNSMOOTHED), ("4:1 diagonal", CAUTIOUS), ("pooled", POOLED)):
        guessed = _most_probable(dawid_skene(table, values, prior=prior).posteriors)
        found[name] = float((guessed == truth).mean())
    if with_mace:
        found["MACE"] = float((_most_probable(mace(table, values).posteriors) == truth).mean())
    return found


def main(tables: int) -> None:
    shown: Callable[[float], str] = "{:.3f}".format
    for like in SETS:
        rng = np.random.default_rng(1)
        found = pd.DataFrame([accuracies(*drawn(like, rng)) for _ in range(tables)])
        mean = found.mean()
        best = max(mean[name] for name in ("majority", "unsmoothed", "4:1 diagonal"))
        row = "  ".join(f"{name} {shown(mean[name])}" for name in found.columns)
        print(f"{like.name:22} {row}   pooled {100 * (mean['pooled'] - best):+.1f} points", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
