from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quality import gold_accuracy, self_consistency


def asked(shares: dict[str, float], items: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (person, item, "yes", "yes" if rng.random() < share else "no")
        for person, share in shares.items()
        for item in range(items)
    ]
    return pd.DataFrame(rows, columns=["annotator", "item", "gold", "value"])


def test_shares_are_counted_and_shrunk_towards_everybodys() -> None:
    table = asked({"careful": 0.98, "fair": 0.8, "careless": 0.4}, 200)
    rows = gold_accuracy(table).set_index("annotator")
    assert rows.index.tolist() == ["careful", "careless", "fair"]
    assert (rows["n_items"] == 200).all()
    raw = rows["n_right"] / 200
    assert (rows["value"] - raw.mean()).abs().le((raw - raw.mean()).abs()).all()
    assert (rows["value"] - raw).abs().max() < 0.02
    assert (rows["low"] < rows["value"]).all()
    assert (rows["value"] < rows["high"]).all()
    assert rows["high"]["careless"] < rows["low"]["fair"]


def test_three_wrong_answers_say_little_about_a_newcomer() -> None:
    table = pd.concat([asked({f"p{number}": 0.9 for number in range(20)}, 50), asked({"new": 0.0}, 3)])
    newcomer = gold_accuracy(table).set_index("annotator").loc["new"]
    assert newcomer["n_right"] == 0
    assert newcomer["value"] > 0.5


def test_nineteen_in_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(16, 4, 300)
    people = {f"p{number:03d}": share for number, share in enumerate(truth)}
    rows = gold_accuracy(asked(people, 25, seed=2))
    assert np.mean((rows["low"] <= truth) & (truth <= rows["high"])) == pytest.approx(0.95, abs=0.03)


def test_the_same_answer_twice_is_consistent_whichever_it_is() -> None:
    table = pd.DataFrame(
        {
            "annotator": ["a", "a", "a", "b", "b"],
            "item": [1, 2, 3, 1, 1],
            "first": ["yes", "no", "na", "yes", "yes"],
            "second": ["yes", "no", None, "yes", "no"],
        }
    )
    rows = self_consistency(table)
    assert rows["n_items"].tolist() == [2, 1]
    assert rows["n_same"].tolist() == [2, 0]
    assert self_consistency(pa.Table.from_pandas(table))["n_same"].tolist() == [2, 0]
    both = pd.concat([table.assign(question="x"), table.assign(question="y")])
    assert self_consistency(both)["n_items"].tolist() == [4, 2]


def test_nothing_to_check_gives_no_rows_and_a_missing_column_is_named() -> None:
    assert gold_accuracy(asked({}, 0)).empty
    assert self_consistency(pd.DataFrame(columns=["annotator", "item", "first", "second"])).empty
    with pytest.raises(ValueError, match="no column gold; it needs annotator, item, value, gold"):
        gold_accuracy(asked({}, 0).drop(columns="gold"))
