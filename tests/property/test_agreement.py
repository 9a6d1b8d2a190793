"""Agreement, aggregation and confidence of any table, beside other packages and sums written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import krippendorff
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import (
    UNSMOOTHED,
    annotator_confidence,
    brennan_prediger,
    dawid_skene,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    mace,
    majority_vote,
    percent_agreement,
    vote_distribution,
)
from tests.defined import defined
from tests.examples import examples

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

    from quality.agreement.krippendorff import Level

Matrix: TypeAlias = "NDArray[np.float64]"
SCALES: list[list[float]] = [[0, 1], [1, 2, 3], [0, 1, 2, 3, 4, 5, 6], [0, 0.5, 2, 10, 100]]


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """People x items; NaN is a question not answered."""
    people, items = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    values = draw(st.sampled_from(SCALES))
    cell = st.sampled_from([np.nan, np.nan, *values]) | st.just(values[0])
    cells = draw(st.lists(cell, min_size=people * items, max_size=people * items))
    return np.array(cells, dtype=float).reshape(people, items)


def table_of(matrix: Matrix) -> pd.DataFrame:
    annotator, item = np.indices(matrix.shape)
    return pd.DataFrame({"item": item.ravel(), "annotator": annotator.ravel(), "value": matrix.ravel()})


@examples(400)
@given(matrices(), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_equals_that_of_the_packages(matrix: Matrix, level: Level) -> None:
    from tests.property.crowd_kit import alpha_krippendorff, for_crowd_kit

    table = table_of(matrix)
    alpha = krippendorff_alpha(table, level, interval=False)
    several = matrix[:, (~np.isnan(matrix)).sum(axis=0) >= 2]
    if len(np.unique(several[~np.isnan(several)])) < 2:
        assert alpha.value is None
        return
    assert float(alpha) == pytest.approx(krippendorff.alpha(matrix, level_of_measurement=level), abs=1e-9)
    if level == "nominal":
        assert float(alpha) == pytest.approx(alpha_krippendorff(for_crowd_kit(table)), abs=1e-9)


@examples(40)
@given(matrices(), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_an_interval_holds_its_value(matrix: Matrix, level: Level) -> None:
    alpha = krippendorff_alpha(table_of(matrix), level)
    if alpha.low is not None:
        assert -1 <= alpha.low <= float(alpha) <= defined(alpha.high) <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@examples(400)
@given(matrices(), st.sampled_from([1, 1, 2]))
def test_dawid_skene_and_votes_equal_those_of_crowd_kit(matrix: Matrix, iterations: int) -> None:
    from tests.property.crowd_kit import PlainCrowdKit, for_crowd_kit, recorded_votes

    table = table_of(matrix)
    model = dawid_skene(table, prior=UNSMOOTHED, iterations=iterations, tolerance=0)
    if np.isnan(matrix).all():
        assert model.posteriors.empty
        return
    with recorded_votes() as votes:
        theirs = PlainCrowdKit(n_iter=iterations, tol=-np.inf).fit_predict_proba(for_crowd_kit(table))
    expected = theirs.loc[model.posteriors.index, model.posteriors.columns]
    assert np.abs(model.posteriors.to_numpy() - expected.to_numpy()).max() < 1e-9
    counts = vote_distribution(table)
    shares = counts.div(counts.sum(axis=1), axis=0)
    assert np.abs(shares.to_numpy() - votes[0].loc[shares.index, shares.columns].to_numpy()).max() < 1e-9


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@examples(10)
@given(matrices())
def test_mace_equals_that_of_crowd_kit(matrix: Matrix) -> None:
    from tests.property.crowd_kit import EvenMace, for_crowd_kit

    table = table_of(matrix).dropna()
    if table.empty:
        return
    # crowd-kit mixes up workers and labels that do not first appear in ascending order.
    table = table.apply(lambda column: pd.factorize(column)[0])
    theirs = EvenMace(n_restarts=1, n_iter=3).fit_predict_proba(for_crowd_kit(table))
    ours = mace(table, restarts=0, iterations=3, pull=None).posteriors
    assert np.abs(ours.to_numpy() - theirs.loc[ours.index, ours.columns].to_numpy()).max() < 1e-9


@examples(40)
@given(matrices())
def test_an_arrow_table_says_the_same(matrix: Matrix) -> None:
    table = table_of(matrix)
    words = table.assign(
        item=table["item"].map("m{}".format),
        annotator=table["annotator"].map("p{}".format),
        value=table["value"].map(lambda value: None if np.isnan(value) else f"{value:09.2f}"),
    )
    for frame in (table, words):
        arrow = pa.Table.from_pandas(frame, preserve_index=False)
        assert krippendorff_alpha(arrow, interval=False) == krippendorff_alpha(frame, interval=False)
        one, other = majority_vote(arrow), majority_vote(frame)
        assert one.dropna().to_numpy().tolist() == other.dropna().to_numpy().tolist()
        assert one["tied"].tolist() == other["tied"].tolist()
        assert (
            annotator_confidence(arrow).to_numpy().tolist() == annotator_confidence(frame).to_numpy().tolist()
        )


@examples(40)
@given(matrices())
def test_kappas_of_full_tables_are_their_textbook_sums(matrix: Matrix) -> None:
    full = np.nan_to_num(matrix, nan=0)
    people, values = len(full), np.unique(full)
    if people < 2:
        return
    counts = (full[:, :, None] == values).sum(axis=0)
    observed = ((counts * (counts - 1)).sum(axis=1) / (people * (people - 1))).mean()
    share = counts.mean(axis=0) / people
    for coefficient, chance in ((fleiss_kappa, (share**2).sum()), (brennan_prediger, 1 / len(values))):
        value = coefficient(table_of(full)).value
        assert value == (
            None if len(values) == 1 else pytest.approx((observed - chance) / (1 - chance), abs=1e-9)
        )
    assert gwet_ac2(table_of(full), weights="identity").value == gwet_ac1(table_of(full)).value


@examples(40)
@given(matrices(), st.randoms(use_true_random=False))
def test_nothing_depends_on_row_order_names_or_duplicates(matrix: Matrix, random: Random) -> None:
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


@examples(40)
@given(matrices())
def test_percent_agreement_equals_counting_pairs(matrix: Matrix) -> None:
    same = pairs = 0
    for answers in matrix.T:
        given_ = answers[~np.isnan(answers)]
        for place, one in enumerate(given_):
            same += int((given_[place + 1 :] == one).sum())
            pairs += len(given_) - place - 1
    agreement = percent_agreement(table_of(matrix))
    assert agreement.n_pairs == pairs
    assert agreement.value == (pytest.approx(same / pairs) if pairs else None)


@examples(40)
@given(matrices())
def test_credit_equals_asking_the_others_one_answer_at_a_time(matrix: Matrix) -> None:
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
            assert rows["n_answers"][person] == compared
            assert rows["n_divergent"][person] == pytest.approx(divergent)
            assert 0 < rows["multiplier"][person] <= 1
            assert divergent > 10 or rows["multiplier"][person] == 1.0


@examples(40)
@given(matrices())
def test_votes_add_up(matrix: Matrix) -> None:
    votes, majority = vote_distribution(table_of(matrix)), majority_vote(table_of(matrix))
    assert votes.to_numpy().sum() == (~np.isnan(matrix)).sum()
    assert majority["item"].tolist() == votes.index.tolist()
    assert majority["n_labels"].tolist() == votes.sum(axis=1).tolist()
    assert majority["tied"].tolist() == majority["value"].isna().tolist()
