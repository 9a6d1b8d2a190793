"""Do the 95 % intervals of alpha, of one question and over several, hold the truth? Fresh people and items each time.

Run: python -m bench.quality_coverage [repetitions]

The truth is alpha over very many people and items of the same kind. An interval for other items alone misses
it as soon as people differ; the two-way interval should hold it in about 95 of 100 cases, or a little more. Answers of
one person to several questions about one response depend on each other, which the pooled interval does not model.
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pandas as pd

from quality.agreement.interval import item_replicates
from quality.agreement.krippendorff import distances, krippendorff_alpha, metric_alpha
from quality.agreement.pooled import pooled_alpha
from quality.labels import CodedLabels

SETTINGS = [
    # people, items, answers an item, spread of people's accuracy (beta), share of items of class 0
    (20, 1000, 5, (4, 1), 0.5),
    (20, 1000, 5, (16, 4), 0.5),
    (20, 1000, 5, (80, 20), 0.5),
    (8, 100, 3, (16, 4), 0.5),
    (5, 50, 3, (16, 4), 0.5),
    (12, 300, 3, (18, 2), 0.9),
    (100, 500, 3, (16, 4), 0.5),
]

POOLED = [
    # people, responses, how strongly a response and a person's day move all six questions together
    (10, 40, 0.0),
    (10, 40, 1.5),
    (30, 200, 1.5),
    (6, 25, 1.5),
]
SHARES = {"a": 0.5, "b": 0.7, "c": 0.9, "d": 0.3, "e": 0.8, "f": 0.6}


def answers_of(
    rng: np.random.Generator, people: int, items: int, answers: int, spread: tuple[int, int], share: float
) -> pd.DataFrame:
    accuracy = rng.beta(*spread, people)
    truth = (rng.random((items, 1)) > share).astype(int)
    who = np.argsort(rng.random((items, people)), axis=1)[:, :answers]
    value = np.where(rng.random(who.shape) < accuracy[who], truth, 1 - truth)
    return pd.DataFrame(
        {"item": np.repeat(np.arange(items), answers), "annotator": who.ravel(), "value": value.ravel()}
    )


def alpha_in_the_long_run(spread: tuple[int, int], share: float) -> float:
    """Two different people agree with probability E[a]^2 + (1 - E[a])^2, whatever the spread."""
    mean = spread[0] / sum(spread)
    disagree = 2 * mean * (1 - mean)
    of_one = share * (1 - mean) + (1 - share) * mean
    return 1 - disagree / (2 * of_one * (1 - of_one))


def main(repetitions: int) -> None:
    print("people items answers  truth | true SD, items' SD | coverage of items alone, of two ways | width")
    for people, items, answers, spread, share in SETTINGS:
        truth = alpha_in_the_long_run(spread, share)
        rng = np.random.default_rng(7)
        found, item_deviation, by_items, by_both, widths, none = [], [], 0, 0, [], 0
        for _ in range(repetitions):
            table = answers_of(rng, people, items, answers, spread, share)
            alpha = krippendorff_alpha(table)
            if alpha.value is None or alpha.low is None or alpha.high is None:
                none += 1
                continue
            labels = CodedLabels.of(table)
            statistic = partial(metric_alpha, distance=distances(labels.values, "nominal"))
            deviation = float(
                np.nanstd(item_replicates(labels.patterns, statistic, np.random.default_rng(0)))
            )
            found.append(alpha.value)
            item_deviation.append(deviation)
            by_items += abs(alpha.value - truth) < 1.96 * deviation
            by_both += alpha.low <= truth <= alpha.high
            widths.append(alpha.high - alpha.low)
        n = len(found)
        without = f" ({none} without)" if none else ""
        print(
            f"{people:6} {items:5} {answers:7} {truth:6.3f} |"
            f" {np.std(found):7.4f} {np.mean(item_deviation):10.4f} |"
            f" {by_items / n:23.3f} {by_both / n:12.3f} | {np.mean(widths):.3f}{without}"
        )


def questions_of(rng: np.random.Generator, people: int, responses: int, together: float) -> pd.DataFrame:
    """Three answers to each of six questions about every response."""
    accuracy = rng.beta(8, 2, people)
    item = np.repeat(np.arange(responses), 3)
    who = np.argsort(rng.random((responses, people)), axis=1)[:, :3].ravel()
    shift = together * (rng.normal(0, 1, responses)[item] + rng.normal(0, 1, len(item)))
    seen = 1 / (1 + np.exp(-(np.log(accuracy / (1 - accuracy))[who] + shift)))
    tables = []
    for question, share in SHARES.items():
        truth = rng.random(responses) < share
        value = np.where(rng.random(len(item)) < seen, truth[item], rng.random(len(item)) < 0.5)
        tables.append(
            pd.DataFrame({"question": question, "item": item, "annotator": who, "value": value.astype(int)})
        )
    return pd.concat(tables, ignore_index=True)


def pooled(repetitions: int) -> None:
    print("pooled: people responses together  truth | coverage")
    for people, responses, together in POOLED:
        rng = np.random.default_rng(0)
        many = [pooled_alpha(questions_of(rng, 400, 4000, together), interval=False) for _ in range(4)]
        truth = float(np.mean([float(each) for each in many]))
        found = [pooled_alpha(questions_of(rng, people, responses, together)) for _ in range(repetitions)]
        held = np.mean([one.low <= truth <= one.high for one in found if one.low is not None and one.high])
        print(f"{people:14} {responses:9} {together:8} {truth:6.3f} | {held:8.3f}")


if __name__ == "__main__":
    pooled(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
