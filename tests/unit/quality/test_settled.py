"""Which tasks close early: those whose every question is settled by enough people, and never the audit slice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quality.closing import closed, settled
from tests.sample_records import NOW, annotation, task
from workspaces.kinds import kind_of
from workspaces.records import ItemPosterior
from workspaces.store.closings import closing_key

if TYPE_CHECKING:
    from workspaces.records import Task

P, Q = "preference", "qualitative"


def comparison(**changes: object) -> Task:
    made = replace(task("t", {"preference": 4}, kind=P), message_ids=("m1", "m2"), overlap=5, least_answers=2)
    return replace(made, **changes)  # type: ignore[arg-type]


def posterior(question: str, about: Task, probability: float, answers: int) -> ItemPosterior:
    item = kind_of(about.kind).item(about.message_ids)
    return ItemPosterior(about.kind, question, item, {"x": answers}, {"x": probability, "y": 1 - probability})


@pytest.mark.parametrize(
    ("probability", "answers", "closes"),
    [(0.96, 2, True), (0.94, 5, False), (0.99, 1, False), (0.95, 2, True)],
)
def test_a_task_closes_when_enough_people_make_it_sure(
    probability: float, answers: int, closes: bool
) -> None:
    about = comparison()
    found = settled([about], [posterior(P, about, probability, answers)], lambda _: 0.95)
    assert found == (["t"] if closes else [])


def test_every_question_must_be_settled() -> None:
    about = replace(task("t", {"qualities": 6}), least_answers=2)
    names = [question.name for question in kind_of(Q).choices]
    sure = [posterior(name, about, 0.99, 3) for name in names]
    assert settled([about], sure, lambda _: 0.95) == ["t"]
    assert settled([about], sure[1:], lambda _: 0.95) == []
    assert settled([about], [*sure[1:], posterior(names[0], about, 0.9, 3)], lambda _: 0.95) == []


@pytest.mark.parametrize("about", [comparison(least_answers=None), comparison(closed_at=NOW)])
def test_the_audit_slice_stays_open_and_a_closed_task_closes_once(about: Task) -> None:
    assert settled([about], [posterior(P, about, 0.99, 4)], lambda _: 0.95) == []


def test_a_mix_without_adaptive_overlap_closes_nothing() -> None:
    about = comparison()
    assert settled([about], [posterior(P, about, 0.99, 4)], lambda _: None) == []


def test_points_that_vest_are_credited_in_full_once_a_task_closed_early() -> None:
    about = comparison()
    known, answer = posterior(P, about, 0.9, 2), annotation("t", "p", {P: "a"})
    assert list(closed([known], [answer], {"t": about}, 0.95)) == []
    ended = list(closed([known], [answer], {"t": replace(about, closed_at=NOW)}, 0.95))
    assert [it.key for it in ended] == [closing_key(P, P, known.item)]
