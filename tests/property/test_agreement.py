from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality import (
    annotator_confidence,
    gwet_ac1,
    krippendorff_alpha,
    majority_vote,
    percent_agreement,
    vote_distribution,
)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    """People x items; NaN is a question not answered."""
    people, items = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    values = draw(st.sampled_from([[0, 1], [1, 2, 3], [0, 1, 2, 3, 4, 5, 6], [0, 0.5, 2, 10, 100]]))
    cell = st.sampled_from([np.nan, np.nan, *values]) | st.just(float(values[0]))
    cells = draw(st.lists(cell, min_size=people * items, max_size=people * items))
    return np.array(cells, dtype=float).reshape(people, items)


def table_of(matrix: np.ndarray) -> pd.DataFrame:
    annotator, item = np.indices(matrix.shape)
    return pd.DataFrame({"item": item.ravel(), "annotator": annotator.ravel(), "value": matrix.ravel()})


@settings(max_examples=300, deadline=None)
@given(matrices(), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_equals_that_of_the_krippendorff_package(matrix, level):
    alpha = krippendorff_alpha(table_of(matrix), level)
    several = matrix[:, (~np.isnan(matrix)).sum(axis=0) >= 2]
    if len(np.unique(several[~np.isnan(several)])) < 2:
        assert alpha.value is None
        return
    assert float(alpha) == pytest.approx(krippendorff.alpha(matrix, level_of_measurement=level), abs=1e-9)
    if alpha.low is not None:
        assert -1 <= alpha.low <= alpha.value <= alpha.high <= 1


@settings(max_examples=100, deadline=None)
@given(matrices(), st.randoms(use_true_random=False))
def test_nothing_depends_on_row_order_names_or_duplicates(matrix, random):
    table = table_of(matrix)
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    repeated = pd.concat([shuffled, shuffled.iloc[: random.randrange(len(table) + 1)]])
    for coefficient in (krippendorff_alpha, gwet_ac1, percent_agreement):
        one, other = coefficient(repeated), coefficient(table)
        assert one.sentence == other.sentence
        assert one.value == other.value
        assert (one.low is None) == (other.low is None)
        if one.low is not None:
            assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-12)
    pd.testing.assert_frame_equal(majority_vote(repeated), majority_vote(table))
    pd.testing.assert_frame_equal(annotator_confidence(repeated), annotator_confidence(table))
    renamed = table.assign(
        value=table["value"].map(lambda value: None if np.isnan(value) else f"{value:09.2f}")
    )
    assert krippendorff_alpha(renamed).value == krippendorff_alpha(table).value


@settings(max_examples=100, deadline=None)
@given(matrices())
def test_percent_agreement_equals_counting_pairs(matrix):
    same = pairs = 0
    for answers in matrix.T:
        given_ = answers[~np.isnan(answers)]
        for place, one in enumerate(given_):
            same += int((given_[place + 1 :] == one).sum())
            pairs += len(given_) - place - 1
    agreement = percent_agreement(table_of(matrix))
    assert agreement.n_pairs == pairs
    assert agreement.value == (pytest.approx(same / pairs) if pairs else None)


@settings(max_examples=100, deadline=None)
@given(matrices())
def test_credit_equals_asking_the_others_one_answer_at_a_time(matrix):
    rows = annotator_confidence(table_of(matrix)).set_index("annotator")
    for person, answers in enumerate(matrix):
        compared, divergent = 0, 0.0
        for item, answer in enumerate(answers):
            rest = np.delete(matrix[:, item], person)
            values, counts = np.unique(rest[~np.isnan(rest)], return_counts=True)
            if np.isnan(answer) or not len(values):
                continue
            winners = values[counts == counts.max()]
            compared += 1
            divergent += 1 - (answer in winners) / len(winners)
        if np.isnan(answers).all():
            assert person not in rows.index
        else:
            assert rows.loc[person, "n_answers"] == compared
            assert rows.loc[person, "n_divergent"] == pytest.approx(divergent)
            assert 0 < rows.loc[person, "multiplier"] <= 1
            assert divergent > 10 or rows.loc[person, "multiplier"] == 1.0


@settings(max_examples=100, deadline=None)
@given(matrices())
def test_votes_add_up(matrix):
    votes, majority = vote_distribution(table_of(matrix)), majority_vote(table_of(matrix))
    assert votes.to_numpy().sum() == (~np.isnan(matrix)).sum()
    assert majority["item"].tolist() == votes.index.tolist()
    assert majority["n_labels"].tolist() == votes.sum(axis=1).tolist()
    assert majority["tied"].tolist() == majority["value"].isna().tolist()
