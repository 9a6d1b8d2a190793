"""Measure adaptive overlap against a fixed one, and the audit slice, on simulated people with known truths.

    uv run python -m bench.overlap            # 10 seeds of each setting, and 200 of the audit slice's alpha
    uv run python -m bench.overlap 40

People answer tasks of one question, with two answers or three (one of them a tie). ``fixed 5`` has five answers to
each; the adaptive runs close a task by ``quality.closing.settled`` on the posteriors of ``quality.posteriors``,
computed anew after each round of answers, as ``report`` and ``push`` do, and ask most for what
``task_generators.value`` puts first. Printed are the share of right posteriors, the answers asked for (the audit slice
is among them), the fewest for which any rule could be as often right (``bench.best_stopping``; the audit slice added),
and Krippendorff's alpha: the true one (everybody answers every item), that of the audit slice, and that of all answers
of an adaptive run, which is biased.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench.best_stopping import BestStopping
from quality.agreement.krippendorff import krippendorff_alpha
from quality.closing import Wanted, settled
from quality.posteriors import item_posteriors
from task_generators.allotment import unit
from task_generators.value import expected_value, uncertainty
from workspaces.kinds import kind_of
from workspaces.records import Significance, Task, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

WEIGHTS = {Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
FIXED = 5
LEAST = 2
AUDIT = 0.05
RULES = (
    (9, Wanted(FIXED)),
    (7, Wanted(FIXED)),
    (9, Wanted(FIXED, sure=0.95)),
)


@dataclass(frozen=True)
class Asked:
    """A question: its kind, name, answers, and the share of each that is true."""

    kind: str
    question: str
    values: tuple[str, ...]
    shares: tuple[float, ...]


TIES = Asked("preference", "preference", ("first", "tie", "second"), (0.42, 0.16, 0.42))
BINARY = Asked("conversation_rating", "conversation_thumb", ("down", "up"), (0.5, 0.5))


@dataclass(frozen=True)
class Setting:
    """A crowd: ``skill`` are the bounds of people's shares of right answers; ``hard`` that of items that tell little:
    there people are right a fifth more often than by chance.
    """

    name: str
    people: int
    items: int
    skill: tuple[float, float]
    hard: float
    asked: Asked = TIES

    @property
    def right_if_hard(self) -> float:
        return 1.2 / len(self.asked.values)


CROWDS = (
    Setting("careful", 40, 1000, (0.75, 0.95), 0.05),
    Setting("mixed", 40, 1000, (0.55, 0.9), 0.1),
    Setting("poor", 40, 1000, (0.45, 0.8), 0.15),
)
SETTINGS = (*CROWDS, *(replace(each, asked=BINARY) for each in CROWDS))


@cache
def fewest(setting: Setting, most: int) -> float:
    """Return the fewest answers that are as often right, the audit slice included, as a share of the fixed ones."""
    best = BestStopping(setting.asked.shares, setting.skill, setting.hard, setting.right_if_hard, most, LEAST)
    return AUDIT + (1 - AUDIT) * best.fewest(best.fixed(FIXED)) / FIXED


def said(setting: Setting, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the truths, what each person would say of each item, and the order in which people come to each."""
    rng = np.random.default_rng(seed)
    classes = len(setting.asked.values)
    truth = rng.choice(classes, setting.items, p=setting.asked.shares)
    skill = rng.uniform(*setting.skill, setting.people)
    right = np.tile(skill, (setting.items, 1))
    hard = rng.random(setting.items) < setting.hard
    right[hard] = setting.right_if_hard
    wrong = (truth[:, None] + rng.integers(1, classes, right.shape)) % classes
    answers = np.where(rng.random(right.shape) < right, truth[:, None], wrong)
    order = rng.permuted(np.tile(np.arange(setting.people), (setting.items, 1)), axis=1)
    return truth, answers, order


@dataclass(frozen=True)
class World:
    """``answers`` holds what each person would say of each item (items x people); tasks are in the order of items."""

    asked: Asked
    tasks: list[Task]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    order: NDArray[np.int64]

    @classmethod
    def drawn(cls, setting: Setting, seed: int, overlap: int, least: int | None, audit: float) -> World:
        truth, answers, order = said(setting, seed)
        asked = setting.asked
        levels, sides = list(Significance), "x" if asked is BINARY else "xy"
        tasks = []
        for number in range(setting.items):
            task_id = stable_id("bench", str(seed), str(number))
            stays = least is None or unit(f"audit {task_id}") < audit
            tasks.append(
                Task(
                    id=task_id,
                    kind=asked.kind,
                    message_ids=tuple(f"m{number:05}{side}" for side in sides),
                    conversation_ids=tuple(f"c{number:05}" for _ in sides),
                    significance=levels[number % 3],
                    quote={},
                    rules_version="1",
                    platform="argilla",
                    overlap=overlap,
                    created_at=datetime(2026, 1, 1, tzinfo=UTC),
                    least_answers=None if stays else least,
                )
            )
        return cls(asked, tasks, truth, answers, order)

    def about(self, task: Task) -> str:
        """Return the item that a task asks about."""
        ((_, item),) = kind_of(task.kind).showing(1).voted_on(task.message_ids, task.conversation_ids)
        return item

    def votes(self, asked: Mapping[str, int]) -> pd.DataFrame:
        """Return the first answers to each task, as many as were asked."""
        kind, question, values = self.asked.kind, self.asked.question, self.asked.values
        rows = [
            (kind, question, self.about(task), f"p{person}", values[self.answers[number, person]], task.id)
            for number, task in enumerate(self.tasks)
            for person in self.order[number, : asked[task.id]]
        ]
        return pd.DataFrame(rows, columns=["kind", "question", "item", "annotator", "value", "task_id"])

    def accuracy(self, votes: pd.DataFrame) -> float:
        """Return the share of tasks whose most probable value is right."""
        best = {each.item: each.value for each in item_posteriors(votes)}
        right: int = sum(
            best[self.about(task)] == self.asked.values[self.truth[number]]
            for number, task in enumerate(self.tasks)
        )
        return right / len(self.tasks)


def fixed(world: World, overlap: int = FIXED) -> pd.DataFrame:
    return world.votes(dict.fromkeys((task.id for task in world.tasks), overlap))


def adaptive(world: World, wanted: Wanted) -> pd.DataFrame:
    """Ask in rounds, each half of the open tasks at most, those of the highest value first, until none is open."""
    tasks = {task.id: task for task in world.tasks}
    asked = Counter({task.id: task.least_answers or min(FIXED, task.overlap) for task in world.tasks})
    while True:
        votes = world.votes(asked)
        known = list(item_posteriors(votes))
        for task_id in settled(tasks.values(), known, lambda _task: wanted):
            tasks[task_id] = replace(tasks[task_id], closed_at=datetime(2026, 1, 2, tzinfo=UTC))
        of = {each.item: each for each in known}
        left = [task for task in tasks.values() if task.closed_at is None and asked[task.id] < task.overlap]
        if (
            wanted.sure is not None
        ):  # the audit slice does not close then; here it has as many as the fixed overlap
            left = [task for task in left if task.least_answers is not None]
        if not left:
            return votes
        worth = {
            task.id: expected_value(task, uncertainty(task, [of[world.about(task)]]), asked[task.id], WEIGHTS)
            for task in left
        }
        left.sort(key=lambda task: (-worth[task.id], task.id))
        for task in left[: (len(left) + 1) // 2]:
            asked[task.id] += 1


def alpha(votes: pd.DataFrame) -> tuple[float, float, float]:
    """Return Krippendorff's alpha and its interval."""
    found = krippendorff_alpha(votes[["item", "annotator", "value"]])
    return float(found), found.low or 0.0, found.high or 0.0


def runs(setting: Setting, seeds: int, most: int, wanted: Wanted) -> Iterator[dict[str, float]]:
    for seed in range(seeds):
        same = World.drawn(setting, seed, FIXED, None, 0.0)
        five = fixed(same)
        world = World.drawn(setting, seed, most, LEAST, AUDIT)
        votes = adaptive(world, wanted)
        stays = {task.id for task in world.tasks if task.least_answers is None}
        true, _, _ = alpha(fixed(same, setting.people))
        audit, low, high = alpha(votes[votes["task_id"].isin(stays)])
        yield {
            "fixed": same.accuracy(five),
            "adaptive": world.accuracy(votes),
            "answers": len(votes) / len(five),
            "true": true,
            "audit": audit,
            "inside": low <= true <= high,
            "all": alpha(votes)[0],
        }


def audits(setting: Setting, seeds: int, items: int) -> tuple[float, float, float]:
    """Return the true alpha, and how far that of audit slices of so many items is off: the mean, and its error.

    Each world is cut into slices.
    """
    trues, off = [], []
    for seed in range(seeds):
        _, answers, order = said(setting, 10_000 + seed)
        true = _nominal_alpha(answers)
        first = np.take_along_axis(answers, order[:, :FIXED], axis=1)
        slices = np.split(first, setting.items // items)
        trues.append(true)
        off.append(mean(map(_nominal_alpha, slices)) - true)
    return mean(trues), mean(off), float(np.std(off, ddof=1) / seeds**0.5)


def _nominal_alpha(answers: NDArray[np.int64]) -> float:
    """Return Krippendorff's alpha of a table without gaps, (items x answers)."""
    counts = np.stack([(answers == value).sum(axis=1) for value in range(answers.max() + 1)], axis=1)
    each, total = answers.shape[1], counts.sum(axis=0)
    observed = 1 - (counts * (counts - 1)).sum() / (len(answers) * each * (each - 1))
    expected = 1 - (total * (total - 1)).sum() / (total.sum() * (total.sum() - 1))
    return float(1 - observed / expected)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="?", default=10)
    parser.add_argument("--audits", type=int, default=200, help="draws of the audit slice's alpha")
    given = parser.parse_args()
    tell_of_rules(given.seeds)
    tell_of_audits(given.audits)
    print(f"load {os.getloadavg()[0]:.1f}")


def tell_of_rules(seeds: int) -> None:
    """Print what each rule reaches in each setting."""
    print(
        "answers crowd most rule | right: fixed 5, adaptive | answers, fewest possible | alpha: true, audit, all"
    )
    for setting in SETTINGS:
        for most, wanted in RULES:
            found = pd.DataFrame(runs(setting, seeds, most, wanted))
            at, off = found.mean(), found["adaptive"] - found["fixed"]
            rule = f"as good as {wanted.as_good_as}" if wanted.sure is None else f"sure {wanted.sure}"
            print(
                f"{len(setting.asked.values)} {setting.name:8} {most} {rule:13} | {at['fixed']:.4f} "
                f"{at['adaptive']:.4f} ({off.mean():+.4f}, s.e. {off.std(ddof=1) / len(found) ** 0.5:.4f}) | "
                f"{at['answers'] - 1:+.1%}, {fewest(setting, most) - 1:+.1%} | {at['true']:.3f} {at['audit']:.3f} "
                f"({int(found['inside'].sum())} of {seeds} inside) {at['all']:.3f}",
                flush=True,
            )


def tell_of_audits(seeds: int) -> None:
    """Print how far the alpha of audit slices is off, and how far that of so few items is off in any case.

    The values of one item agree more than those of different ones, and alpha takes all pairs for what is expected by
    chance, these among them: with m answers to each of n items a share of (m - 1) / (n m - 1).
    """
    print("alpha of audit slices of 50 and 500 items: true, off by (s.e.), by its own small-sample bias")
    for setting in SETTINGS:
        for items in (50, 500):
            true, off_by, error = audits(setting, seeds, items)
            own = -true * (1 - true) * (FIXED - 1) / (items * FIXED - 1)
            print(
                f"{len(setting.asked.values)} {setting.name:8} {items:4} | {true:.4f} {off_by:+.4f} ({error:.4f}) "
                f"{own:+.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
