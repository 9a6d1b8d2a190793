"""Crowds that answer as those of published sets do, from figures measured on the sets.

A person gives value y to an item of truth k with a probability proportional to

    exp(base[k, y] + skill * s * (y is k) + habits * h[k, y] + looks * l[y])

where s and h are standard normal numbers of the person, and l are some of the item, which everybody sees alike.
Measured on a set, with its truths: the shares of the classes, answers to an item and of a person (eleven quantiles
each), and the confusion of everybody together. The four sizes follow from moments: ``base`` from that confusion;
``skill`` from how far the people's shares of right answers differ; ``habits`` from how far their confusions differ;
``looks`` from how far the items' shares of right answers differ, each beyond chance (unbiased by pairs of answers).
They are found by simulation, in steps of moment / simulated moment. No figure comes from what an aggregation makes of
the answers. People are taken to answer any items: that real ones come in batches of one topic is not modelled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FILE = Path(__file__).with_name("crowds.json")
_QUANTILES = np.linspace(0, 1, 11)
_STEPS = 25
_LARGEST = 4.0
_SIMULATED_ITEMS = 3000


@dataclass(frozen=True, slots=True)
class Answers:
    """A table with columns ``item``, ``annotator``, ``value`` (0 to ``n_values`` - 1), and truths by item."""

    table: pd.DataFrame
    truth: pd.Series[int]
    n_values: int

    @classmethod
    def read(cls, folder: Path) -> Answers:
        table = pd.read_csv(folder / "label.csv").set_axis(["item", "annotator", "value"], axis=1)
        truth = pd.read_csv(folder / "truth.csv").set_index("item")["truth"]
        values = np.array(sorted({*table["value"], *truth}))
        table["value"] = np.searchsorted(values, table["value"])
        table = table.drop_duplicates(["item", "annotator"], keep="last")
        codes = pd.Series(np.searchsorted(values, truth), truth.index)
        return cls(table, codes[codes.index.isin(table["item"])], len(values))


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was measured on a set; see the module."""

    name: str
    items: int
    people: int
    shares: tuple[float, ...]
    answers: tuple[float, ...]
    work: tuple[float, ...]
    confusion: tuple[tuple[float, ...], ...]
    base: tuple[tuple[float, ...], ...]
    skill: float
    habits: float
    looks: float


def crowds() -> list[Crowd]:
    """Return the crowds that were measured."""
    read: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return [Crowd(**{name: _frozen(value) for name, value in each.items()}) for each in read]


def write(found: list[Crowd]) -> None:
    lines = ",\n".join(json.dumps(asdict(crowd)) for crowd in found)
    FILE.write_text(f"[\n{lines}\n]\n", "utf-8")


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def drawn(crowd: Crowd, rng: np.random.Generator, *, items: int | None = None) -> Answers:
    """Return answers of such a crowd, with all truths."""
    n_items, size = items or crowd.items, len(crowd.shares)
    shares = np.array(crowd.shares)
    truth = rng.choice(size, n_items, p=shares / shares.sum())
    times = np.rint(np.interp(rng.random(n_items), _QUANTILES, crowd.answers)).astype(int)
    times = np.clip(times, 1, crowd.people)
    weight = np.interp(np.linspace(0, 1, crowd.people), _QUANTILES, crowd.work)
    item = np.repeat(np.arange(n_items), times)
    person = np.concatenate(
        [_drawn_people(weight, times[at : at + 2000], rng) for at in range(0, n_items, 2000)]
    )
    taste = crowd.habits * rng.standard_normal((crowd.people, size, size))
    taste += crowd.skill * rng.standard_normal((crowd.people, 1, 1)) * np.eye(size)
    look = crowd.looks * rng.standard_normal((n_items, size))
    says = np.array(crowd.base)[truth[item]] + taste[person, truth[item]] + look[item]
    # the largest with Gumbel noise is a draw from the softmax
    value = (says + rng.gumbel(size=says.shape)).argmax(axis=1)
    table = pd.DataFrame({"item": item, "annotator": person, "value": value})
    return Answers(table, pd.Series(truth), size)


def _drawn_people(weight: Floats, times: Codes, rng: np.random.Generator) -> Codes:
    # the largest keys are a draw without replacement by weight (Efraimidis and Spirakis 2006)
    keys = np.log(rng.random((len(times), len(weight)))) / weight
    order = np.argsort(-keys, axis=1)
    return np.concatenate([row[:number] for row, number in zip(order, times, strict=True)])


def measured(answers: Answers, rng: np.random.Generator) -> Crowd:
    """Measure a set."""
    size, table = answers.n_values, answers.table
    wanted = _Moments.of(answers)
    shares = np.bincount(answers.truth, minlength=size) / len(answers.truth)
    base = np.log(np.maximum(wanted.confusion, 1e-3))
    crowd = Crowd(
        "",
        table["item"].nunique(),
        table["annotator"].nunique(),
        _rounded(shares, 4),
        _rounded(np.quantile(table["item"].value_counts(), _QUANTILES), 1),
        _rounded(np.quantile(table["annotator"].value_counts(), _QUANTILES), 1),
        tuple(_rounded(row, 3) for row in wanted.confusion),
        tuple(map(tuple, base.tolist())),
        1.0,
        0.5,
        1.0,
    )
    seed, items = int(rng.integers(1 << 30)), max(min(crowd.items, _SIMULATED_ITEMS), 1000)
    for _ in range(_STEPS):
        found = _Moments.of(drawn(crowd, np.random.default_rng(seed), items=items))
        base = np.array(crowd.base) + np.log(
            np.maximum(wanted.confusion, 1e-3) / np.maximum(found.confusion, 1e-3)
        )
        crowd = replace(
            crowd,
            base=tuple(_rounded(row - row.max(), 3) for row in base),
            skill=_step(crowd.skill, wanted.people, found.people),
            habits=_step(crowd.habits, wanted.habits, found.habits),
            looks=_step(crowd.looks, wanted.items, found.items),
        )
    return crowd


def _step(size: float, wanted: float, found: float) -> float:
    factor = np.sqrt(max(wanted, 1e-5) / max(found, 1e-5))
    return round(float(np.clip(size * np.clip(factor, 0.5, 2) ** 0.7, 0.02, _LARGEST)), 3)


def _rounded(numbers: NDArray[np.floating[Any]], digits: int) -> tuple[float, ...]:
    return tuple(np.round(numbers, digits).tolist())


@dataclass(frozen=True, slots=True)
class _Moments:
    """``confusion`` (truth x given) of everybody; variances between ``people``, of their right answers and of their
    ``habits`` (rows of confusion), and between ``items`` of right answers under a truth."""

    confusion: Floats
    people: float
    habits: float
    items: float

    @classmethod
    def of(cls, answers: Answers) -> _Moments:
        table = answers.table[answers.table["item"].isin(answers.truth.index)]
        person, value = pd.factorize(table["annotator"])[0], table["value"].to_numpy()
        item, size = pd.factorize(table["item"])[0], answers.n_values
        truth = answers.truth.loc[table["item"]].to_numpy()
        cells = np.zeros((person.max() + 1, size, size))
        np.add.at(cells, (person, truth, value), 1)
        together = cells.sum(axis=0)
        confusion = together / np.maximum(together.sum(axis=1, keepdims=True), 1)
        # right answers beyond what a truth's difficulty explains
        surprise = (truth == value) - confusion[truth, truth]
        seen = together.sum(axis=1) / together.sum()
        rows = [_between(cells[:, truth_], seen_) for truth_, seen_ in enumerate(seen)]
        return cls(confusion, _pairs(surprise, person), float(sum(rows)), _pairs(surprise, item))


def _pairs(surprise: Floats, group: Codes) -> float:
    """Return the mean product of two different answers of a group: the variance between groups."""
    number = np.bincount(group)
    total, squares = np.bincount(group, surprise), np.bincount(group, surprise**2)
    several = number > 1
    product = (total**2 - squares)[several] / (number * (number - 1))[several]
    return float(np.average(product, weights=number[several])) if several.any() else 0.0


def _between(cells: Floats, seen: float) -> float:
    """Return the variance between people of a row of confusion, over all values, by the row's share of answers."""
    number = cells.sum(axis=1)
    several = number > 1
    if not several.any():
        return 0.0
    usual = cells.sum(axis=0) / number.sum()
    cells, number = cells[several], number[several]
    both = (cells * (cells - 1)).sum(axis=1) / (number * (number - 1))
    cross = (cells / number[:, None]) @ usual
    return seen * float(np.average(both - 2 * cross + (usual**2).sum(), weights=number))
