"""Crowds that answer comparisons of known truth, and what our pipeline makes of their answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from exports.context import contexts_of
from exports.projection import Evidence
from exports.selections import select_pairs
from exports.weights import Weights
from quality import build_report, item_posteriors, votes
from quality.closing import Wanted, settled
from task_generators.routing import Board, Offer, Rules, Worker, decide
from task_generators.routing.practice import Practice
from task_generators.value import uncertainty
from tests.sample_records import NOW
from workspaces.records import (
    Annotation,
    AnnotationStatus,
    Conversation,
    Message,
    Role,
    Significance,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from workspaces.records import ItemPosterior

KIND = "preference"
SIGNIFICANCE = {Significance.MEDIUM: 1.0}
SURE, LEAST, MOST, AHEAD = 0.9, 2, 5, 10
"""When a task closes early, by how many answers at least and at most, and how many wait for a person."""

PRACTICE = Practice(items=10, correct=0.7, most=20)
"""Who has 7 of 10 practice tasks right, or as large a share of up to 20, is given other tasks."""


@dataclass(frozen=True)
class World:
    """Pairs of responses and how good each is.

    Args:
        features: shape (responses, features).
        reward: the truth, shape (responses,).
        pairs: response numbers, shape (pairs, 2); ``held_out`` the same of other prompts, for the test.
    """

    features: NDArray[np.float64]
    reward: NDArray[np.float64]
    pairs: NDArray[np.int64]
    held_out: NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """How steep each person's choice is in the difference of rewards; 0: a spammer, who throws a coin."""

    slopes: NDArray[np.float64]

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int, spammers: float) -> People:
        slopes = rng.lognormal(np.log(1.5), 0.7, count)
        slopes[: round(spammers * count)] = 0.0
        return cls(slopes)

    def prefers_first(self, rng: np.random.Generator, person: int, gain: float) -> bool:
        return bool(rng.random() < 1 / (1 + np.exp(-self.slopes[person] * gain)))


@dataclass
class Labels:
    """What a model is trained on: first and second response, the share of the loss for the first, and the weight."""

    pairs: list[tuple[int, int]] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, first: int, second: int, target: float, weight: float = 1.0) -> None:
        self.pairs.append((first, second))
        self.target.append(target)
        self.weight.append(weight)


class Collecting:
    """A workspace's tasks and answers in memory, in the order in which they come."""

    def __init__(self, world: World, people: People, rng: np.random.Generator) -> None:
        self.world, self.people, self.rng = world, people, rng
        self.tasks: dict[str, Task] = {}
        self.annotations: list[Annotation] = []
        self.conversations: dict[str, Conversation] = {}

    def ask(self, pair: int, overlap: int, least: int | None = None) -> Task:
        """Make the task about a pair, shown in a random order."""
        name = f"c{pair:05}"
        root = Message(f"{name}#u", None, Role.USER, f"prompt {pair}")
        sides = [
            Message(f"{name}#{number}", root.id, Role.ASSISTANT, f"response {number}")
            for number in self.world.pairs[pair].tolist()
        ]
        self.conversations[name] = Conversation(name, (root, *sides), source="bench")
        shown = [sides[place].id for place in self.rng.permutation(2)]
        task = Task(
            f"t{pair:05}", KIND, (shown[0], shown[1]), (name, name), Significance.MEDIUM, {}, "1", "argilla",
            overlap, NOW, least_answers=least,
        )  # fmt: skip
        self.tasks[task.id] = task
        return task

    def answer(self, task: Task, person: int) -> bool:
        """Let a person answer a task; return whether they are right."""
        first, second = (_number(name) for name in task.message_ids)
        gain = float(self.world.reward[first] - self.world.reward[second])
        said = self.people.prefers_first(self.rng, person, gain)
        count = len(self.annotations)
        self.annotations.append(
            Annotation(
                f"a{count:06}",
                task.id,
                f"p{person:03}",
                "argilla",
                AnnotationStatus.SUBMITTED,
                1,
                {"preference": "a" if said else "b"},
                NOW + timedelta(seconds=count),
            )
        )
        return said == (gain > 0)

    def posteriors(self) -> list[ItemPosterior]:
        """Return what ``chatfeedback report`` stores of each pair."""
        return list(item_posteriors(votes(self.annotations, self.tasks)))

    def evidence(self) -> Evidence:
        """Return the evidence with the weights of people as ``chatfeedback export`` takes them from the report."""
        report = build_report(votes(self.annotations, self.tasks))
        return Evidence(
            self.tasks,
            self.annotations,
            contexts_of(self.conversations.values()),
            Weights(
                people={each.person: each.confidence.value for each in report.people},
                by_question={
                    (each.person, question): confidence.value
                    for each in report.people
                    for question, confidence in each.by_question.items()
                },
                prior=None if report.prior is None else report.prior.mean,
                priors={question: prior.mean for question, prior in report.priors.items()},
            ),
        )

    def training_sets(self) -> dict[str, Labels]:
        """Return what a model can be trained on, by the name of the weighting.

        ``majority``, ``weight`` and ``margin`` are the pairs of an export with what its ``provenance`` and
        ``reward`` write of them; ``votes`` takes ``strength``, which is ``margin`` if all people are trusted alike: so
        the two tell confidence from unanimity. ``posterior`` has those without a majority as well,
        and the probability of each side as a soft label.
        """
        sets = {name: Labels() for name in ("majority", "weight", "margin", "votes", "posterior")}
        for pair in select_pairs(self.evidence()).items:
            if pair.winner is None:
                continue
            chosen, rejected = (_number(side.message_ids[0]) for side in (pair.chosen, pair.rejected))
            sets["majority"].add(chosen, rejected, 1.0)
            sets["weight"].add(chosen, rejected, 1.0, pair.weight)
            sets["margin"].add(chosen, rejected, 1.0, max(0.0, pair.margin))
            sets["votes"].add(chosen, rejected, 1.0, pair.strength)
        for posterior in self.posteriors():
            first, second = map(_number, posterior.item.split("|"))
            sets["posterior"].add(
                first, second, posterior.probabilities["first"] + posterior.probabilities["tie"] / 2
            )
        return sets


def fixed(world: World, people: People, rng: np.random.Generator, budget: int, overlap: int) -> Collecting:
    """Ask ``overlap`` people, drawn at random, about each pair until the answers are spent."""
    collecting = Collecting(world, people, rng)
    for pair in range(budget // overlap):
        task = collecting.ask(pair, overlap)
        for person in rng.choice(len(people.slopes), overlap, replace=False):
            collecting.answer(task, int(person))
    return collecting


def routed(
    world: World, people: People, rng: np.random.Generator, budget: int, pool: int, practice: Practice | None
) -> Collecting:
    """Let the policy of ``chatfeedback route`` say who is given what until the answers are spent.

    Tasks close by ``quality.closing`` once their posterior is sure. Answers to practice tasks are answers as well: they
    are taken off the budget, and nothing is trained on them.
    """
    collecting = Collecting(world, people, rng)
    names = [f"p{number:03}" for number in range(len(people.slopes))]
    for pair in range(pool):
        collecting.ask(pair, MOST, LEAST)
    results: dict[str, list[float]] = {name: [] for name in names}
    had: dict[str, list[str]] = {name: [] for name in names}
    spent = 0
    if practice is not None:
        spent = _practise(collecting, practice, names, results, pool)
    while spent < budget:
        found = collecting.posteriors() if collecting.annotations else []
        for name in settled(collecting.tasks.values(), found, lambda _: Wanted(MOST, SURE)):
            collecting.tasks[name] = replace(collecting.tasks[name], closed_at=NOW)
        decision = decide(_board(collecting, found, had, results), Rules(AHEAD, practice=practice))
        if not decision.given:
            break
        for each in decision.given[: budget - spent]:
            collecting.answer(collecting.tasks[each.task_id], names.index(each.person_id))
            had[each.person_id].append(each.task_id)
        spent += len(decision.given[: budget - spent])
    return collecting


def _practise(
    collecting: Collecting,
    practice: Practice,
    names: list[str],
    results: Mapping[str, list[float]],
    pool: int,
) -> int:
    """Let everybody answer tasks of known answers until they are qualified or not; return how many were answered."""
    aside = Collecting(collecting.world, collecting.people, collecting.rng)
    for person, name in enumerate(names):
        while practice.room(results[name]) > 0:
            task = aside.ask(pool + len(results[name]), MOST)
            results[name].append(float(aside.answer(task, person)))
    return len(aside.annotations)


def _board(
    collecting: Collecting,
    found: Iterable[ItemPosterior],
    had: Mapping[str, list[str]],
    results: Mapping[str, list[float]],
) -> Board:
    by_item = {posterior.item: posterior for posterior in found}
    answers = Counter(annotation.task_id for annotation in collecting.annotations)
    offers = {}
    for name, task in collecting.tasks.items():
        about = by_item.get("|".join(sorted(task.message_ids)))
        if task.closed_at is None and answers[name] < task.overlap:
            uncertain = uncertainty(task, [about] if about else [])
            offers[name] = Offer(task, answers[name], uncertain, SIGNIFICANCE)
    workers = {
        name: Worker(name, frozenset({"default"}), frozenset(tasks), tasks, results=results[name])
        for name, tasks in had.items()
    }
    return Board(collecting.tasks, offers, workers)


def _number(message_id: str) -> int:
    return int(message_id.split("#")[1])
