"""How sure answers must be before no more are asked: against sums over all orders, and against simulation."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_allclose

from quality.stopping import Crowd, sureness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SHARES = np.array([0.42, 0.16, 0.42])


def crowd(right: float, shares: Numbers = SHARES, idle: float = 0.1) -> Crowd:
    classes = len(shares)
    answers = np.full((classes, classes), (1 - right) / (classes - 1))
    np.fill_diagonal(answers, right)
    return Crowd(shares, answers, idle, shares @ answers)


def drawn(from_: Crowd, items: int, answers: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the true classes and the answers in order, (items x answers)."""
    rng = np.random.default_rng(seed)
    classes = len(from_.shares)
    truth = rng.choice(classes, items, p=from_.shares)
    idle = rng.random(items) < from_.idle
    rates = np.where(idle[:, None], from_.said, from_.answers[truth])
    said = (rng.random((items, answers, 1)) > rates.cumsum(axis=1)[:, None, :-1]).sum(axis=2)
    return truth, said


def counted(said: NDArray[np.int64], classes: int) -> Numbers:
    return np.stack([(said == value).sum(axis=1) for value in range(classes)], axis=1).astype(float)


@pytest.mark.parametrize("answers", [1, 2, 3, 5])
def test_the_accuracy_of_a_fixed_number_is_the_sum_over_all_orders_of_answers(answers: int) -> None:
    known = crowd(0.7)
    total = 0.0
    for said in product(range(3), repeat=answers):
        likely = [
            share
            * (
                0.9 * prod(known.answers[truth, each] for each in said)
                + 0.1 * prod(known.said[each] for each in said)
            )
            for truth, share in enumerate(known.shares)
        ]
        total += max(likely)
    assert_allclose(known.accuracy(answers), total, rtol=1e-12)


@pytest.mark.parametrize("right", [0.62, 0.73, 0.85])
@pytest.mark.parametrize("shares", [SHARES, np.array([0.5, 0.5])], ids=["ties", "binary"])
def test_stopping_at_the_threshold_is_as_often_right_for_fewer_answers(right: float, shares: Numbers) -> None:
    known = crowd(right, shares)
    sure = known.as_sure_as(5, 2, 9)
    assert sure is not None
    truth, said = drawn(known, 40_000, 9, seed=1)
    asked = np.full(len(truth), 9)
    for number in range(8, 1, -1):
        asked[known.posteriors(counted(said[:, :number], len(shares))).max(axis=1) >= sure] = number
    stopped = np.where(np.arange(9) < asked[:, None], said, -1)
    found = known.posteriors(counted(stopped, len(shares))).argmax(axis=1)
    assert (found == truth).mean() > known.accuracy(5) - 0.006
    assert asked.mean() < 0.75 * 5


def test_a_crowd_is_found_again_from_votes_that_were_stopped_early() -> None:
    made = crowd(0.75, idle=0.15)
    _, said = drawn(made, 20_000, 7, seed=2)
    counts = counted(said[:, :2], 3)
    for number in range(3, 8):
        on = made.posteriors(counts).max(axis=1) < 0.9
        counts[on] += np.eye(3)[said[on, number - 1]]
    begun = counts / counts.sum(axis=1, keepdims=True)
    found = Crowd.of(counts, begun, turned=[2, 1, 0])
    assert_allclose(found.shares, made.shares, atol=0.03)
    assert_allclose(found.answers, made.answers, atol=0.03)
    assert_allclose(found.idle, made.idle, atol=0.06)
    assert_allclose(found.answers, found.answers[::-1, ::-1])


def test_posteriors_that_are_too_sure_are_brought_to_what_the_votes_support() -> None:
    made = crowd(0.7)
    truth, said = drawn(made, 5_000, 3, seed=3)
    counts = counted(said, 3)
    plain = made.posteriors(counts)
    too_sure = plain**3 / (plain**3).sum(axis=1, keepdims=True)
    found = sureness(made, counts, too_sure)
    assert abs(found.mean() - (plain.argmax(axis=1) == truth).mean()) < 0.02
    assert too_sure.max(axis=1).mean() > found.mean() + 0.1


def test_so_many_answers_and_classes_that_it_takes_too_long_have_no_threshold() -> None:
    assert crowd(0.7, np.full(5, 0.2)).as_sure_as(50, 2, 100) is None
