"""Comparisons have no first side: turning any items round changes nothing that is published, flagged or paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import permutations, product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import (
    annotator_confidence,
    brennan_prediger,
    build_report,
    cohen_kappa,
    conger_kappa,
    dawid_skene,
    dawid_skene_stream,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    item_posteriors,
    krippendorff_alpha,
    mace,
    percent_agreement,
    pooled_alpha,
)
from quality.agreement_by_group import agreement_by_group
from quality.demographics import Enough, association, breakdown
from quality.disputed import disputed_items
from quality.screening import screen
from quality.seed_feedback import significance_calibration
from tests.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from quality import Coefficient
    from quality.labels import Mirror

SIDES: Mirror = {"first": "second", "second": "first"}
ORDER = ["first", "tie", "second"]
Turned: TypeAlias = "tuple[pd.DataFrame, pd.DataFrame]"

COEFFICIENTS: dict[str, Callable[[pd.DataFrame], Coefficient]] = {
    "nominal alpha": lambda table: krippendorff_alpha(table, mirror=SIDES),
    "ordinal alpha": lambda table: krippendorff_alpha(table, "ordinal", ORDER, mirror=SIDES),
    "alpha of a distance": lambda table: krippendorff_alpha(
        table, lambda one, other: float(one != other), mirror=SIDES
    ),
    "percent agreement": lambda table: percent_agreement(table, mirror=SIDES),
    "without ties": lambda table: percent_agreement(table, {"tie"}, mirror=SIDES),
    "Fleiss": lambda table: fleiss_kappa(table, mirror=SIDES),
    "AC1": lambda table: gwet_ac1(table, mirror=SIDES),
    "AC2": lambda table: gwet_ac2(table, ORDER, mirror=SIDES),
    "Brennan-Prediger": lambda table: brennan_prediger(table, ORDER, "linear", mirror=SIDES),
    "Conger": lambda table: conger_kappa(table, mirror=SIDES),
    "Cohen": lambda table: cohen_kappa(_of_two(table), mirror=SIDES),
    "weighted Cohen": lambda table: cohen_kappa(_of_two(table), "quadratic", ORDER, mirror=SIDES),
    "pooled": lambda table: pooled_alpha(
        table.assign(question=table["item"].str[-1]), mirrors={"0": SIDES, "1": SIDES}
    ),
}


def _of_two(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["annotator"].isin(["p0", "p1"])]


@st.composite
def turned(draw: st.DrawFn, items: int = 12, people: int = 5) -> Turned:
    """A table of comparisons, and the same with some of its items given from the other side."""
    seed = draw(st.integers(0, 2**32 - 1))
    lean = draw(st.sampled_from([0.3, 0.5, 0.9, 1.0]))
    rng = np.random.default_rng(seed)
    n_items, n_people = draw(st.integers(1, items)), draw(st.integers(2, people))
    table = comparisons(rng, n_items, n_people, lean)
    around = rng.random(n_items) < draw(st.sampled_from([0.2, 0.5, 1.0]))
    return table, turn(table, around)


def comparisons(rng: np.random.Generator, n_items: int, n_people: int, lean: float) -> pd.DataFrame:
    truth = np.where(rng.random(n_items) < lean, "second", "first")
    rows = []
    for item in range(n_items):
        for person in range(n_people):
            if rng.random() < 0.8:
                value = rng.choice(["tie", truth[item], "first", "second"], p=[0.1, 0.6, 0.15, 0.15])
                rows.append((f"m{item % 2}|{item:04d}0", f"p{person}", str(value), f"t{item}"))
    table = pd.DataFrame(rows, columns=["item", "annotator", "value", "task_id"], dtype=object)
    return table.assign(kind="preference", question="preference")


def turn(table: pd.DataFrame, around: NDArray[np.bool_]) -> pd.DataFrame:
    number = table["task_id"].str[1:].astype(int).to_numpy(dtype=np.int64)
    return table.assign(value=table["value"].replace(SIDES).where(around[number], table["value"]))


@examples(20)
@given(turned())
def test_every_coefficient_is_the_same_from_both_sides(tables: Turned) -> None:
    table, other = tables
    for name, coefficient in COEFFICIENTS.items():
        assert coefficient(table) == coefficient(other), name


@examples(40)
@given(turned())
def test_confidence_and_multipliers_are_the_same_from_both_sides(tables: Turned) -> None:
    one, other = (annotator_confidence(table, mirrors={"preference": SIDES}) for table in tables)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    one, other = (annotator_confidence(table.drop(columns="question"), mirror=SIDES) for table in tables)
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@examples(20)
@given(turned())
def test_posteriors_turn_round_with_their_items(tables: Turned) -> None:
    table, other = tables
    is_turned = table["value"].ne(other["value"]).groupby(table["item"]).any()
    one, two = (dawid_skene(it, ORDER, mirror=SIDES) for it in tables)
    assert same_after_turning(one.posteriors, two.posteriors, is_turned)
    pd.testing.assert_frame_equal(one.confusions, two.confusions, check_exact=True)
    assert one.class_priors["first"] == one.class_priors["second"]
    for person in one.confusions.index.unique("annotator"):
        cells = one.confusions.loc[person].loc[ORDER, ORDER].to_numpy()
        assert cells == pytest.approx(cells[::-1, ::-1])
    by_mace = [mace(it, ORDER, restarts=2, iterations=10, mirror=SIDES) for it in tables]
    assert same_after_turning(by_mace[0].posteriors, by_mace[1].posteriors, is_turned)
    pd.testing.assert_series_equal(by_mace[0].competence, by_mace[1].competence, check_exact=True)
    if other.empty:
        return
    with dawid_skene_stream(pa.Table.from_pandas(other), ORDER, parts=4, mirror=SIDES) as stream:
        streamed = pa.Table.from_batches(list(stream.posteriors())).to_pandas().set_index("item").sort_index()
    assert streamed.to_numpy() == pytest.approx(two.posteriors.to_numpy(), abs=1e-6)


def same_after_turning(one: pd.DataFrame, other: pd.DataFrame, is_turned: pd.Series[bool]) -> bool:
    return all(
        one.loc[item, side] == other.loc[item, str(SIDES.get(side, side)) if around else side]
        for item, around in zip(is_turned.index.astype(str), is_turned, strict=True)
        for side in ORDER
    )


@examples(15)
@given(turned())
def test_the_whole_report_posteriors_and_group_figures_are_the_same_from_both_sides(tables: Turned) -> None:
    others = pd.DataFrame(
        [("qualitative", "helpful", f"q{n}", f"p{n % 3}", "yes", f"q{n}") for n in range(9)],
        columns=["kind", "question", "item", "annotator", "value", "task_id"],
    )
    one, two = (pd.concat([table, others], ignore_index=True) for table in tables)
    assert asdict(build_report(one)) == asdict(build_report(two))
    for first, second in zip(item_posteriors(one), item_posteriors(two), strict=True):
        assert (first.kind, first.item) == (second.kind, second.item)
        mirrored = {SIDES.get(value, value): share for value, share in second.probabilities.items()}
        assert first.probabilities in (second.probabilities, mirrored)
    languages = pd.DataFrame({"language": ["de", "en"]}).iloc[[n % 2 for n in range(13)]]
    attributes = languages.set_index(pd.Index([f"t{n}" for n in range(13)]))
    groups = [agreement_by_group(it, attributes, {"language": ("language",)}) for it in (one, two)]
    pd.testing.assert_frame_equal(groups[0][0].table, groups[1][0].table, check_exact=True)
    overlap = pd.Series(2, index=one["task_id"].unique())
    disputed = [disputed_items(it, overlap)[["item", "n_tied"]] for it in (one, two)]
    pd.testing.assert_frame_equal(disputed[0], disputed[1])
    tasks = pd.DataFrame({"task_id": attributes.index, "kind": "preference", "significance": "low"})
    rewritten = pd.DataFrame(columns=["task_id", "annotator", "rewritten"])
    levels = [significance_calibration(it, tasks, rewritten) for it in tables]
    assert [level.levels[0].disagreement for level in levels[0]] == pytest.approx(
        [level.levels[0].disagreement for level in levels[1]]
    )


@examples(20)
@given(turned())
def test_what_groups_say_and_how_far_they_agree_is_the_same_from_both_sides(tables: Turned) -> None:
    group = ["p0", "p1", "p2"]
    one, other = (association(it, group, permutations=19, order=ORDER, mirror=SIDES) for it in tables)
    assert one == other
    cell = (("country", "x"),)
    described = [breakdown(it, {(): group, cell: group[:2]}, Enough(1, 1.0), ORDER, SIDES) for it in tables]
    assert described[0] == described[1]


@pytest.mark.parametrize("seed", range(3))
def test_screening_flags_the_same_people_for_the_same_reasons_from_both_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = comparisons(rng, 150, 8, 0.9)
    guesses = rng.choice(["first", "second"], len(table))
    table["value"] = table["value"].where(table["annotator"] != "p7", pd.Series(guesses, table.index))
    found = screen(table, [], {})
    assert [finding.person for finding in found] == ["p7"]
    for share in (0.3, 1.0):
        assert screen(turn(table, rng.random(150) < share), [], {}) == found


def test_forty_pairs_of_the_held_out_check_have_one_figure() -> None:
    """Both judges say 'second' of 36 pairs and differ on 4."""
    rows = [
        (f"i{pair:02d}", judge, "second" if pair < 36 or judge == "p0" else "first", f"t{pair}")
        for pair in range(40)
        for judge in ("p0", "p1")
    ]
    table = pd.DataFrame(rows, columns=["item", "annotator", "value", "task_id"])
    other = turn(table, np.arange(40) % 2 == 1)
    assert float(krippendorff_alpha(table)) == pytest.approx(-0.04, abs=0.005)
    for coefficient in (
        krippendorff_alpha,
        fleiss_kappa,
        gwet_ac1,
        cohen_kappa,
        conger_kappa,
        brennan_prediger,
    ):
        assert coefficient(table, mirror=SIDES) == coefficient(other, mirror=SIDES)
        assert round(float(coefficient(table, mirror=SIDES)), 2) == 0.8
    assert float(krippendorff_alpha(other, mirror=SIDES)) == pytest.approx(0.8)


@examples(25)
@given(turned(items=4, people=3))
def test_alpha_of_answers_dealt_at_random_is_zero_on_average(tables: Turned) -> None:
    """All ways to deal the answers to the places of the table, each on either side, are gone through."""
    several = tables[0][tables[0]["item"].duplicated(keep=False)].head(6)
    several = several[several["item"].duplicated(keep=False)]
    given_answers, item = several["value"].to_list(), pd.factorize(several["item"])[0]
    if not set(given_answers) - {"tie"}:
        return
    sided = [(answer, SIDES.get(answer, answer)) for answer in given_answers]
    ways = {dealt for sides in product(*sided) for dealt in permutations(sides)}
    often = Counter(tuple(sorted(zip(item, dealt, strict=True))) for dealt in ways)
    alphas = [
        _alphas(pd.DataFrame(rows, columns=["item", "value"]).assign(annotator=range(len(rows))))
        for rows in often
    ]
    weights = np.array(list(often.values())) / len(ways)
    assert weights @ np.array(alphas) == pytest.approx([0, 0, 0], abs=1e-9)


def _alphas(table: pd.DataFrame) -> list[float]:
    return [
        float(krippendorff_alpha(table, interval=False, mirror=SIDES)),
        float(krippendorff_alpha(table, "ordinal", ORDER, interval=False, mirror=SIDES)),
        float(pooled_alpha(table.assign(question="q"), interval=False, mirrors={"q": SIDES})),
    ]


def test_a_mirror_that_is_no_mirror_is_refused() -> None:
    table = comparisons(np.random.default_rng(1), 4, 3, 0.5)
    with pytest.raises(ValueError, match="not its own inverse"):
        krippendorff_alpha(table, mirror={"first": "second"})
    with pytest.raises(ValueError, match="not one of the values in order"):
        krippendorff_alpha(table, "ordinal", ORDER, mirror={"tie": "draw", "draw": "tie"})
    with pytest.raises(ValueError, match="must turn the order of the values round"):
        krippendorff_alpha(table, "ordinal", ["tie", "first", "second"], mirror=SIDES)
    with pytest.raises(ValueError, match="must turn the order of the values round"):
        gwet_ac2(table, ["tie", "first", "second"], mirror=SIDES)


def test_a_declared_comparison_has_one_order_from_both_sides() -> None:
    from workspaces.kinds import ComparisonQuestion, Scale

    with pytest.raises(ValueError, match="the same from both sides"):
        ComparisonQuestion(
            "best", "Best?", "", {"a": "A", "tie": "-", "b": "B"}, values=("tie", "first", "second")
        )
    ComparisonQuestion(
        "best", "Best?", "", {"a": "A", "b": "B", "tie": "-"}, Scale.NOMINAL, ("tie", "first", "second")
    )
