"""Which tasks close early: those whose every question is settled by enough people, and never the audit slice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from quality.closing import Wanted, closed, settled
from tests.sample_records import NOW, annotation, task
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, ItemPosterior
from workspaces.store.closings import closing_key

if TYPE_CHECKING:
    from workspaces.records import Task

P, Q = "preference", "qualitative"
SURE = Wanted(5, sure=0.95)


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
    found = settled([about], [posterior(P, about, probability, answers)], lambda _: SURE)
    assert found == (["t"] if closes else [])


def test_every_question_must_be_settled() -> None:
    about = replace(task("t", {"qualities": 6}), least_answers=2)
    names = [question.name for question in kind_of(Q).choices]
    sure = [posterior(name, about, 0.99, 3) for name in names]
    assert settled([about], sure, lambda _: SURE) == ["t"]
    assert settled([about], sure[1:], lambda _: SURE) == []
    assert settled([about], [*sure[1:], posterior(names[0], about, 0.9, 3)], lambda _: SURE) == []


@pytest.mark.parametrize("about", [comparison(least_answers=None), comparison(closed_at=NOW)])
def test_the_audit_slice_stays_open_and_a_closed_task_closes_once(about: Task) -> None:
    assert settled([about], [posterior(P, about, 0.99, 4)], lambda _: SURE) == []


def test_a_mix_without_adaptive_overlap_closes_nothing() -> None:
    about = comparison()
    assert settled([about], [posterior(P, about, 0.99, 4)], lambda _: None) == []


def test_points_that_vest_are_credited_in_full_once_a_task_closed_early() -> None:
    about = comparison()
    known, answer = posterior(P, about, 0.9, 2), annotation("t", "p", {P: "a"})
    assert list(closed([known], [answer], {"t": about}, 0.95)) == []
    ended = list(closed([known], [answer], {"t": replace(about, closed_at=NOW)}, 0.95))
    assert [it.key for it in ended] == [closing_key(P, P, known.item)]


def test_judgments_that_came_with_a_log_are_none_of_the_answers_that_were_asked_for() -> None:
    about, log = comparison(overlap=2), comparison(id="log", platform=IMPORTED, overlap=1)
    tasks, known = {"t": about, "log": log}, posterior(P, about, 0.9, 2)
    mine = annotation("t", "p", {P: "a"})
    of_log = replace(annotation("log", "rater", {P: "a"}), platform=IMPORTED)
    assert list(closed([known], [mine, of_log], tasks, 0.95)) == []
    assert list(closed([known], [mine, annotation("t", "q", {P: "b"}), of_log], tasks, 0.95))


AS_GOOD = Wanted(5)


def crowded(count: int, votes: dict[str, int], probability: float = 0.9) -> list[ItemPosterior]:
    """Return posteriors of as many items that were answered alike."""
    best = max(votes, key=votes.__getitem__)
    other = (1 - probability) / 2
    chances = dict.fromkeys(("first", "tie", "second"), other) | {best: probability}
    return [ItemPosterior(P, P, f"others {number} {votes}", votes, chances) for number in range(count)]


def one(about: Task, votes: dict[str, int], probability: float = 0.9) -> ItemPosterior:
    (made,) = crowded(1, votes, probability)
    return replace(made, item=kind_of(P).item(about.message_ids))


CAREFUL = [
    *(each for value in ("first", "second") for each in crowded(60, {value: 5}, 0.99)),
    *(
        each
        for pair in (("first", "second"), ("second", "first"))
        for each in crowded(20, {pair[0]: 4, pair[1]: 1})
    ),
]
POOR = [
    *(each for value in ("first", "second") for each in crowded(20, {value: 4, "tie": 1})),
    *(
        each
        for a, b in (("first", "second"), ("second", "first"))
        for each in crowded(40, {a: 2, b: 2, "tie": 1}, 0.5)
    ),
    *(each for a, b in (("first", "second"), ("second", "first")) for each in crowded(40, {a: 3, b: 2}, 0.6)),
]


@pytest.mark.parametrize(("others", "enough"), [(CAREFUL, 3), (POOR, 2)], ids=["careful", "poor"])
def test_so_many_who_agree_settle_a_task_as_five_answers_of_these_people_are_worth(
    others: list[ItemPosterior], enough: int
) -> None:
    about = comparison(overlap=9)
    for answers in (1, 2, 3):
        known = [*others, one(about, {"first": answers})]
        assert settled([about], known, lambda _: AS_GOOD) == ["t"] * (answers >= enough)
    undecided = [*others, one(about, {"first": 1, "second": 1}, 0.5)]
    assert settled([about], undecided, lambda _: AS_GOOD) == []


@pytest.mark.parametrize(("answers", "closes"), [(4, False), (5, True)])
def test_while_little_is_known_of_people_a_task_takes_the_fixed_number_of_answers(
    answers: int, closes: bool
) -> None:
    about = comparison(overlap=9)
    assert settled([about], [one(about, {"first": answers}, 0.99)], lambda _: AS_GOOD) == ["t"] * closes


@pytest.mark.parametrize(("answers", "closes"), [(4, False), (5, True)])
def test_the_audit_slice_closes_at_the_fixed_number_whatever_its_answers_say(
    answers: int, closes: bool
) -> None:
    about = comparison(overlap=9, least_answers=None)
    known = [*CAREFUL, one(about, {"first": answers}, 0.99)]
    assert settled([about], known, lambda _: AS_GOOD) == ["t"] * closes
    assert settled([replace(about, reask_of="another")], known, lambda _: AS_GOOD) == []


def test_what_a_lead_decided_is_settled() -> None:
    about = comparison(overlap=9)
    decided = replace(one(about, {"first": 1, "second": 1}, 1.0), adjudicated=True)
    assert settled([about], [*POOR, decided], lambda _: AS_GOOD) == ["t"]


def test_an_item_that_very_many_people_answered_hides_no_other() -> None:
    """The probability of a thousand votes is zero in floating point; so is that of each class."""
    about = comparison(overlap=9)
    many = crowded(1, {"first": 400, "tie": 350, "second": 300})
    known = [*CAREFUL, *many, one(about, {"first": 3})]
    assert settled([about], known, lambda _: AS_GOOD) == ["t"]
