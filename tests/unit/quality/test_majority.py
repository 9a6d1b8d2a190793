from __future__ import annotations

import pandas as pd

from quality import majority_vote, vote_distribution
from tests.unit.quality.answer_tables import by_annotator, by_item


def test_every_answer_is_counted() -> None:
    votes = vote_distribution(by_item("aab abc"))
    assert votes.to_dict("list") == {"a": [2, 1], "b": [1, 1], "c": [0, 1]}
    assert votes.index.name == "item"


def test_the_most_frequent_answer_wins_with_its_share() -> None:
    majority = majority_vote(by_item("aab bbbb"))
    assert majority["value"].tolist() == ["a", "b"]
    assert majority["share"].tolist() == [2 / 3, 1.0]
    assert majority["n_labels"].tolist() == [3, 4]
    assert not majority["tied"].any()


def test_a_tie_has_no_value() -> None:
    majority = majority_vote(by_item("aabb ccc"))
    assert majority["tied"].tolist() == [True, False]
    assert pd.isna(majority["value"][0])
    assert majority["share"].tolist() == [0.5, 1.0]


def test_items_without_answers_are_left_out() -> None:
    assert majority_vote(by_annotator("1.", "2.", "2."))["item"].tolist() == [0]
    empty = majority_vote(by_annotator())
    assert empty.columns.tolist() == ["item", "value", "share", "n_labels", "tied"]
    assert empty.empty
    assert vote_distribution(by_annotator("..")).empty
