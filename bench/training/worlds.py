"""Responses of known truth: drawn features, and the features of real answers of MT-bench."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bench.training.crowd import World
from quality import style_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FEATURES, HELD_OUT = 16, 2000


def drawn(rng: np.random.Generator, pairs: int) -> World:
    """Return pairs of responses with normal features; the reward is linear in them but for one square and a product."""
    count = 2 * (pairs + HELD_OUT)
    features = rng.normal(size=(count, FEATURES))
    reward = features @ rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    reward = reward + 0.3 * (features[:, 0] ** 2 - 1) + 0.3 * features[:, 1] * features[:, 2]
    numbers = np.arange(count).reshape(-1, 2)
    return World(features, reward / reward.std(), numbers[:pairs], numbers[pairs:])


def mt_bench(rng: np.random.Generator, folder: Path) -> World:
    """Return all pairs of real first answers to a question; a quarter of the questions is held out.

    Features: counts of style of the answer as ``quality.style_of`` returns them (log of one more), the share of its
    words that the question has, and other counts of its words, each less the mean of the question, as only
    differences count. The truth is known because it is made: the linear reward that fits the human judgments best.
    """
    rows = [json.loads(line) for line in (folder / "conversations.jsonl").read_text("utf-8").splitlines()]
    answers: dict[tuple[str, str], int] = {}
    texts: list[tuple[str, str]] = []
    for row in rows:
        _, _, question, model = row["conversation_id"].split("-", 3)
        answers[question, model] = len(texts)
        turns = row["conversation"]
        texts.append((turns[0]["content"], turns[1]["content"]))
    features = np.array([_features(*each) for each in texts])
    question_of = {number: question for (question, _), number in answers.items()}
    for question in set(question_of.values()):
        some = [number for number, its in question_of.items() if its == question]
        features[some] -= features[some].mean(axis=0)
    features /= features.std(axis=0) + 1e-9
    reward = _fitted(features, answers, folder)
    questions = sorted(set(question_of.values()))
    aside = set(rng.permutation(questions)[: len(questions) // 4].tolist())
    found: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for question in questions:
        some = [number for number, its in question_of.items() if its == question]
        found[question in aside] += combinations(some, 2)
    pairs = rng.permutation(np.array(found[False]))
    return World(features, reward, pairs, np.array(found[True]))


def _features(prompt: str, text: str) -> list[float]:
    asked, said = set(prompt.lower().split()), text.lower().split()
    style = [float(np.log1p(count)) for count in style_of(text)]
    words = len(said) or 1
    return [
        *style,
        sum(word in asked for word in said) / words,
        len(set(said)) / words,
        float(np.log1p(text.count("\n"))),
        float(np.mean([len(word) for word in said] or [0])),
        float(text.strip().endswith((".", "!", "?", "`"))),
    ]


def _fitted(
    features: NDArray[np.float64], answers: dict[tuple[str, str], int], folder: Path
) -> NDArray[np.float64]:
    """Return the reward, of standard deviation 1, that a logistic regression on all human judgments gives."""
    gains = []
    with (folder / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["winner"] != "tie":
                first, second = (answers[row["question_id"], row[side]] for side in ("model_a", "model_b"))
                gain = features[first] - features[second]
                gains.append(gain if row["winner"] == "model_a" else -gain)
    table, weights = np.array(gains), np.zeros(features.shape[1])
    for _ in range(500):
        weights += 0.5 * ((table / (1 + np.exp(table @ weights))[:, None]).mean(axis=0) - 0.01 * weights)
    reward = features @ weights
    return np.asarray(reward / reward.std())
