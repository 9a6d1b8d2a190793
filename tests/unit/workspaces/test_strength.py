"""A preference with a strength: the same vote from both sides, and the side alone where it matters who agrees."""

from __future__ import annotations

from dataclasses import replace

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.agreement.own_level import own_level_alpha
from quality.controls import gold_accuracy, gold_table
from quality.posteriors import item_posteriors
from quality.report.questions import question_report
from quality.votes import comparisons, votes
from tests.sample_records import NOW
from tests.sample_records import task as sample_task
from workspaces.kinds import BOTH_BAD, FIRST, SECOND, TIE, Scale, StrengthQuestion, kind_of
from workspaces.records import Annotation, AnnotationStatus, Task

KIND = kind_of("preference_strength")
(QUESTION,) = (question for question in KIND.questions if isinstance(question, StrengthQuestion))
ANSWERS = ("-3", "-2", "-1", "0", "1", "2", "3", BOTH_BAD)
SHOWN = st.lists(st.text(max_size=3), min_size=2, max_size=2, unique=True)


@given(st.sampled_from(ANSWERS), SHOWN)
def test_a_strength_is_the_same_vote_whatever_the_order_of_display(answer: str, shown: list[str]) -> None:
    mirrored = QUESTION.mirrored(answer)
    assert QUESTION.mirrored(mirrored) == answer
    vote = QUESTION.vote(answer, shown)
    assert vote == QUESTION.vote(mirrored, shown[::-1])
    assert QUESTION.strength(answer) == QUESTION.strength(mirrored)
    preferred = QUESTION.preferred(answer)
    better = None if preferred is None else shown[preferred]
    if answer == BOTH_BAD:
        assert (vote, QUESTION.class_of(vote), better) == (BOTH_BAD, BOTH_BAD, None)
    else:
        side = TIE if better is None else FIRST if better == min(shown) else SECOND
        assert QUESTION.class_of(vote) == side
        assert abs(int(vote)) == QUESTION.strength(answer)
    assert QUESTION.preferred(QUESTION.answer_for(QUESTION.preferred(answer))) == QUESTION.preferred(answer)


def test_a_scale_that_is_not_the_same_from_both_sides_is_refused_and_both_bad_may_be_missing() -> None:
    with pytest.raises(ValueError, match="the same from both sides"):
        replace(QUESTION, options={"-3": "A", "0": "same", "1": "B", "3": "B!", "-1": "A!"}, values=())
    plain = replace(QUESTION, options={"-1": "A", "0": "same", "1": "B"}, values=(), not_applicable=BOTH_BAD)
    assert plain.not_applicable is None
    assert plain.classes == (FIRST, TIE, SECOND)
    for question in (QUESTION, plain):
        with pytest.raises(ValueError, match="is no answer to"):
            question.vote("4", ("m", "n"))


def _annotations(answers: list[tuple[str, str, str]]) -> list[Annotation]:
    return [
        Annotation(
            id=f"{person} {task}",
            task_id=task,
            person_id=person,
            platform="argilla",
            status=AnnotationStatus.SUBMITTED,
            revision=1,
            values={"strength": answer},
            updated_at=NOW,
        )
        for person, task, answer in answers
    ]


def _tasks(count: int) -> dict[str, Task]:
    tasks = {}
    for number in range(count):
        shown = (f"m{number}a", f"m{number}b") if number % 2 else (f"m{number}b", f"m{number}a")
        tasks[f"t{number}"] = replace(
            sample_task(f"t{number}", {"strength": 4}), kind="preference_strength", message_ids=shown
        )
    return tasks


def test_agreement_is_ordinal_over_the_strengths_whatever_side_was_shown_first() -> None:
    rng = np.random.default_rng(5)
    true = rng.integers(-3, 4, 30)
    said = np.clip(true + rng.integers(-1, 2, (4, 30)), -3, 3)
    tasks = _tasks(30)
    given_ = [
        (f"p{person}", f"t{item}", str(said[person, item] * (1 if item % 2 else -1)))
        for person in range(4)
        for item in range(30)
    ]
    table = votes(_annotations(given_), tasks)
    by_hand = table.pivot_table(
        index="annotator", columns="item", values="value", aggfunc=lambda it: int(it.iloc[0])
    )
    # by exchange: every item once more from its other side
    both = np.concatenate([by_hand.to_numpy(), -by_hand.to_numpy()], axis=1).astype(float)
    mirrored = krippendorff.alpha(reliability_data=both, level_of_measurement="ordinal")
    report = question_report("preference_strength", "strength", table)
    assert report.headline is report.coefficients["answered"]
    # the package takes an answer and itself on the other side for two: 1 in 2 n - 1 of its pairs of n answers
    n = by_hand.size
    assert float(report.headline) == pytest.approx(1 - (1 - mirrored) * 2 * n / (2 * n - 1))
    assert {"applicability", "sides", "percent_without_ties"} <= report.coefficients.keys()
    interval = own_level_alpha(table, replace(QUESTION, scale=Scale.INTERVAL))
    mirrored = krippendorff.alpha(reliability_data=both, level_of_measurement="interval")
    assert float(interval) == pytest.approx(1 - (1 - mirrored) * 2 * n / (2 * n - 1))
    # by hand: the squared difference of two answers on random sides is twice the mean square on average
    spread = 2 * (by_hand.to_numpy() ** 2).mean()
    within = 2 * by_hand.to_numpy().var(axis=0, ddof=1).mean()
    assert float(interval) == pytest.approx(1 - within / spread)


def test_who_is_better_is_settled_by_sides_and_gold_is_right_on_the_same_side() -> None:
    tasks = _tasks(3)
    given_ = [
        *((f"p{person}", "t1", answer) for person, answer in enumerate(("-3", "-1", "-2"))),
        *((f"p{person}", "t2", answer) for person, answer in enumerate(("0", "0", "2"))),
        *((f"p{person}", "t0", answer) for person, answer in enumerate((BOTH_BAD, BOTH_BAD, "-1"))),
    ]
    table = votes(_annotations(given_), tasks)
    found = {posterior.item: posterior for posterior in item_posteriors(table)}
    assert found["m1a|m1b"].votes == {FIRST: 3}
    assert set(found["m1a|m1b"].probabilities) == {FIRST, TIE, SECOND, BOTH_BAD}
    assert max(found["m1a|m1b"].probabilities, key=found["m1a|m1b"].probabilities.__getitem__) == FIRST
    assert found["m2a|m2b"].votes == {TIE: 2, FIRST: 1}
    assert found["m0a|m0b"].votes == {BOTH_BAD: 2, SECOND: 1}
    assert set(comparisons(table)["value"]) == {FIRST, TIE, SECOND}
    right = gold_table(table, {"t1": {"strength": "-2"}}, tasks)
    assert list(gold_accuracy(right)["n_right"]) == [1, 1, 1]


def test_a_person_who_contradicts_themselves_at_one_time_is_undecided() -> None:
    tasks = _tasks(1) | {"u": replace(_tasks(1)["t0"], id="u")}
    table = votes(_annotations([("p", "t0", "3"), ("p", "u", "-1")]), tasks)
    assert list(table["value"]) == ["0"]
    assert isinstance(table, pd.DataFrame)
