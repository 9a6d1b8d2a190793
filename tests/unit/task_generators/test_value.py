"""What one more answer is worth: more where it matters more, where less is known, and where less was spent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.value import expected_value, uncertainty
from tests.examples import examples
from tests.sample_records import NOW, task
from workspaces.kinds import kind_of
from workspaces.records import ItemPosterior, Significance

WEIGHTS = {Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
ABOUT = replace(task("t", {"qualities": 6}), overlap=4)
NAMES = [question.name for question in kind_of("qualitative").choices]


def known(*probabilities: float, questions: int = len(NAMES)) -> list[ItemPosterior]:
    values = dict(zip("xyz", probabilities, strict=False))
    (item,) = ABOUT.message_ids
    return [ItemPosterior("qualitative", name, item, {"x": 1}, values) for name in NAMES[:questions]]


def test_nothing_is_known_without_answers_and_everything_at_probability_1() -> None:
    assert uncertainty(ABOUT, []) == 1
    assert uncertainty(ABOUT, known(1, 0, 0)) == 0
    assert uncertainty(ABOUT, known(1 / 3, 1 / 3, 1 / 3)) == pytest.approx(1)
    assert uncertainty(ABOUT, known(1, 0, 0, questions=3)) == pytest.approx(0.5)


@examples(100)
@given(st.floats(0, 1), st.integers(0, 3), st.sampled_from(Significance))
def test_the_value_grows_with_significance_and_uncertainty_and_falls_with_answers(
    uncertain: float, answers: int, level: Significance
) -> None:
    about = replace(ABOUT, significance=level)
    value = expected_value(about, uncertain, answers, WEIGHTS)
    assert expected_value(about, min(1.0, uncertain + 0.1), answers, WEIGHTS) >= value
    if answers < 3:
        assert expected_value(about, uncertain, answers + 1, WEIGHTS) < value
    if level is not Significance.HIGH:
        above = list(Significance)[list(Significance).index(level) + 1]
        assert expected_value(replace(about, significance=above), uncertain, answers, WEIGHTS) >= value


def test_a_task_that_takes_no_more_answers_is_worth_nothing() -> None:
    assert expected_value(ABOUT, 1.0, 4, WEIGHTS) == 0
    assert expected_value(replace(ABOUT, closed_at=NOW), 1.0, 1, WEIGHTS) == 0
