"""Models ranked at equal style."""

from __future__ import annotations

from typing import TYPE_CHECKING

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ranking import votes
from quality import STYLE, control_style, style_of
from workspaces.text_style import Style

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELO = 400 / np.log(10)
FEATURES = ["length", "headers"]


def battles() -> pd.DataFrame:
    """Six hundred comparisons of five models, without a random number."""
    rows = []
    for n in range(600):
        one, other = n % 5, (n // 5 * 3 + n % 5 + 1 + n // 25 % 4) % 5
        other = (other + 1) % 5 if one == other else other
        long, longer = 40 + (n * 37) % 400, 40 + (n * 53 + 11) % 400
        headers, more = (n * 7) % 6, (n * 11 + n // 6) % 5
        lean = one * 0.5 - other * 0.5 + (long - longer) / 400 + ((n * 29) % 17 - 8) / 8
        value = "tie" if abs(lean) < 0.25 else "first" if lean > 0 else "second"
        rows.append((f"m{one}", f"m{other}", value, long, longer, headers, more))
    names = ["first", "second", "value", "first_length", "second_length", "first_headers", "second_headers"]
    return pd.DataFrame(rows, columns=names)


def turned(table: pd.DataFrame, which: NDArray[np.bool_]) -> pd.DataFrame:
    """Exchange the two sides of some comparisons."""
    other = {
        name: name.replace("first", "x").replace("second", "first").replace("x", "second")
        for name in map(str, table)
    }
    mirrored = table.rename(columns=other).assign(
        value=table["value"].map({"first": "second", "second": "first", "tie": "tie"})
    )
    return pd.concat([table[~which], mirrored.loc[which, table.columns]]).sort_index()


def test_scores_effects_and_intervals_are_those_of_arena_rank() -> None:
    """arena-rank 0.1.1 brings JAX (740 MB): its figures, in Elo, are from an environment of their own.

    ``uv venv v && uv pip install --python v/bin/python arena-rank==0.1.1``, then, with ``d`` the battles above in the
    arena's columns and ``z = (a - b) / (a + b + 1)`` divided by its root mean square as ``length`` and ``headers``:
    ``ContextualBradleyTerry(n_competitors=5, n_features=2, reg=0.0, hessian_reg=1e-5, ftol=1e-16, gtol=1e-10)`` with
    ``fitted = False``, ``.compute_ratings_and_cis(ContextualPairDataset.from_pandas(d, feature_cols=["length",
    "headers"], reweighted=False, normalize_features=False))``; and ``BradleyTerry(...)`` with
    ``PairDataset.from_pandas(d)``.
    """
    found = control_style(battles(), FEATURES, prior=0, style_prior=0)
    scores = found.scores.sort_index()
    assert (1000 + ELO * scores["score"]).round(4).tolist() == [
        555.1845,
        768.5755,
        984.2178,
        1219.785,
        1472.2373,
    ]
    assert (1000 + ELO * scores["plain"]).round(4).tolist() == [
        625.9528,
        791.65,
        987.182,
        1182.455,
        1412.7602,
    ]
    assert found.style["effect"].round(4).tolist() == [1.0976, -0.0657]
    # theirs use a normal quantile and a ridge of 1e-5, ours Student's with 599 degrees of freedom
    wide = 1.9639430 / 1.9599640
    for column, theirs in (
        ("high", [613.5921, 814.1034, 1025.2172, 1266.537, 1531.7827]),
        ("plain_high", [678.8187, 836.8211, 1027.401, 1225.2669, 1471.1365]),
    ):
        middle = 1000 + ELO * scores["plain" if "plain" in column else "score"]
        assert (1000 + ELO * scores[column]).to_numpy() == pytest.approx(
            (middle + (np.array(theirs) - middle) * wide).to_numpy(), abs=0.05
        )
    assert (scores["high"] - scores["score"]).to_numpy() == pytest.approx(
        (scores["score"] - scores["low"]).to_numpy()
    )


def test_plain_scores_are_those_of_evalica() -> None:
    table = battles()
    winners = table["value"].map(
        {"first": evalica.Winner.X, "second": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    )
    theirs = evalica.bradley_terry(
        table["first"],
        table["second"],
        winners,
        win_weight=1.0,
        tie_weight=0.5,
        tolerance=1e-13,
        limit=10_000,
    ).scores
    strength = np.log(theirs)
    found = control_style(table, FEATURES, prior=0).scores["plain"]
    assert found.to_dict() == pytest.approx((strength - strength.mean()).to_dict(), abs=1e-5)


def test_control_finds_the_strengths_that_style_hides() -> None:
    table, strength, effects = votes(30_000, models=8, people=300, seed=3)
    found = control_style(table)
    centred = dict(zip(sorted(found.scores.index), strength - strength.mean(), strict=True))
    truth = pd.Series(centred)[found.scores.index].to_numpy()
    away = {name: float(np.abs(found.scores[name] - truth).max()) for name in ("plain", "score")}
    assert away["score"] < 0.1 < away["plain"], away
    inside = found.scores["low"].le(truth) & found.scores["high"].ge(truth)
    assert inside.mean() >= 0.75
    assert (found.style["low"] <= effects).sum() + (found.style["high"] >= effects).sum() >= 9
    assert found.style["reason"].isna().all()


def test_intervals_hold_the_truth_when_people_have_tastes_of_their_own() -> None:
    """In 95 of 100 cases; over comparisons alone it would be far fewer."""
    held, alone = list[bool](), list[bool]()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        person, one = rng.integers(0, 40, 1200), rng.integers(0, 3, 1200)
        other = (one + rng.integers(1, 3, 1200)) % 3
        taste, score = rng.normal(0, 0.6, (40, 3)), np.array([0.4, 0.0, -0.4])
        drawn = score[one] - score[other] + taste[person, one] - taste[person, other]
        value = np.where(rng.random(1200) < 1 / (1 + np.exp(-drawn)), "first", "second")
        table = pd.DataFrame({"first": one, "second": other, "value": value, "annotator": person})
        table = table.assign(item=np.arange(1200), first_length=1, second_length=2)
        # the taste of people draws the marginal log odds towards 0
        drift = 1 / np.sqrt(1 + 0.346 * 2 * 0.36)
        for kept, into in ((table, held), (table.drop(columns="annotator"), alone)):
            scores = control_style(kept, ["length"]).scores.sort_index()
            into += (scores["plain_low"].le(score * drift) & scores["plain_high"].ge(score * drift)).tolist()
    assert np.mean(held) >= 0.92
    assert np.mean(alone) < np.mean(held) - 0.1


@given(st.integers(0, 2**32 - 1))
def test_which_side_is_first_changes_nothing(seed: int) -> None:
    table, which = battles(), np.random.default_rng(seed).random(600) < 0.5
    one, other = (control_style(it, FEATURES) for it in (table, turned(table, which)))
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=False, rtol=1e-9)
    pd.testing.assert_frame_equal(one.style, other.style, check_exact=False, rtol=1e-9)


def test_a_style_that_each_model_always_has_is_part_of_the_model() -> None:
    table = battles()
    table["first_headers"] = table["first"].str[1].astype(int)
    table["second_headers"] = table["second"].str[1].astype(int)
    table[["first_bold", "second_bold"]] = 3
    found = control_style(table, ["length", "headers", "bold"])
    assert found.style["reason"].fillna("").tolist() == [
        "",
        "fixed by the models compared",
        "the same on both sides",
    ]
    assert found.style["effect"].notna().tolist() == [True, False, False]
    alone = control_style(table, ["length"])
    pd.testing.assert_frame_equal(found.scores, alone.scores)


def test_one_feature_counts_once_under_two_names() -> None:
    table = battles().assign(
        first_words=lambda it: it["first_length"], second_words=lambda it: it["second_length"]
    )
    found = control_style(table, ["length", "words"])
    assert found.style["effect"].notna().tolist() == [True, False]
    pd.testing.assert_frame_equal(found.scores, control_style(table, ["length"]).scores, rtol=1e-9)


def test_few_and_strange_tables() -> None:
    table = battles()
    assert control_style(table.iloc[:0], FEATURES).scores.empty
    some = table.assign(first_length=table["first_length"].astype(float))
    some.loc[:99, "first_length"] = np.nan
    assert control_style(some, FEATURES).n_comparisons == 500
    one = control_style(table.iloc[:1], FEATURES)
    assert one.scores[["low", "high"]].isna().all(axis=None)
    assert np.isfinite(one.scores["score"]).all()
    with pytest.raises(ValueError, match="no column first_bold"):
        control_style(table, ["bold"])
    with pytest.raises(ValueError, match="is compared with itself"):
        control_style(table.assign(second=table["first"]), FEATURES)


TEXT = """# One header

Some **bold words** and __more__, but not ** this ** nor 2 ** 3.

- first
* second
  1. third
4) fourth
-5 degrees
####### not a header

```python
# no header
- no item
**no bold**
```

~~~
open
"""


def test_the_style_of_a_text_is_its_length_and_its_markdown() -> None:
    assert style_of(TEXT) == Style(len(TEXT), 1, 4, 2, 2)
    assert style_of("") == Style(0, 0, 0, 0, 0)
    assert Style._fields == STYLE


@given(st.text(), st.text())
def test_counts_are_never_negative_and_grow_with_the_text(one: str, other: str) -> None:
    both = style_of(f"{one}\n\n{other}")
    assert both.length == len(one) + len(other) + 2
    assert min(both) >= 0
    assert style_of("x" * 50_000 + "**" * 20_000 + "`" * 20_000).length == 110_000
