from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from quality import krippendorff_alpha, rewrites, text_distance
from quality.agreement.sampled import sampled_alpha
from quality.labels import CodedLabels
from tests.defined import defined
from tests.unit.quality.answer_tables import KRIPPENDORFF_2011, by_annotator, simulated
from workspaces.records import Annotation, AnnotationStatus, Significance, Task

TEXT = "the quick brown fox jumps over a lazy dog while seven green birds sing aloud"
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def differ(one: object, other: object) -> float:
    return float(one != other)


def test_a_function_measures_like_the_level_it_spells_out() -> None:
    table = by_annotator(*KRIPPENDORFF_2011)
    assert krippendorff_alpha(table, differ) == krippendorff_alpha(table)
    spelt = krippendorff_alpha(table, lambda one, other: (one - other) ** 2)
    assert round(float(spelt), 6) == 0.849107


def test_all_pairs_of_a_small_table_give_alpha_itself_and_without_each_person() -> None:
    labels = CodedLabels.of(by_annotator(*KRIPPENDORFF_2011))
    value, low, high = sampled_alpha(labels, differ, seed=0)
    exact = krippendorff_alpha(by_annotator(*KRIPPENDORFF_2011))
    assert value == pytest.approx(exact.value, abs=1e-12)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.05)


def test_a_sample_of_pairs_gives_nearly_alpha() -> None:
    table = simulated([0.9, 0.8, 0.7] * 5, 2000, 4, seed=1, shares=(0.5, 0.3, 0.2))
    table = table[np.random.default_rng(0).random(len(table)) < 0.8]
    value, low, high = sampled_alpha(CodedLabels.of(table), differ, seed=0, pairs=5000)
    exact = krippendorff_alpha(table)
    assert value == pytest.approx(exact.value, abs=0.03)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.06)


def test_rewrites_of_one_answer_agree_more_than_those_of_different_ones() -> None:
    rng = np.random.default_rng(2)
    words = np.array(TEXT.split())
    originals = [" ".join(rng.choice(words, 12)) for _ in range(100)]
    rows = [
        (item, person, original.replace(words[rng.integers(len(words))], "word") + f" {rng.integers(10**6)}")
        for item, original in enumerate(originals)
        for person in rng.permutation(8)[:3]
    ]
    table = pd.DataFrame(rows, columns=["item", "annotator", "value"])
    alpha = krippendorff_alpha(table, text_distance)
    assert 0.5 < defined(alpha.low) < float(alpha) < defined(alpha.high) < 1
    assert (alpha.n_items, alpha.n_annotators, alpha.n_labels) == (100, 8, 300)
    assert alpha == krippendorff_alpha(table, text_distance)
    shuffled = table.assign(item=table["item"].sample(frac=1, random_state=1).to_numpy())
    assert abs(float(krippendorff_alpha(shuffled, text_distance))) < 0.15


def test_the_same_text_from_everybody_is_no_variation() -> None:
    alpha = krippendorff_alpha(by_annotator("11", "11"), text_distance_of_digits)
    assert alpha.value is None


def text_distance_of_digits(one: int, other: int) -> float:
    return text_distance(str(one), str(other))


@pytest.mark.parametrize(
    ("one", "other", "distance"), [("", "", 0), ("abc", "abc", 0), ("abc", "xyz", 1), ("ab", "abcd", 1 / 3)]
)
def test_the_distance_of_texts(one: str, other: str, distance: float) -> None:
    assert text_distance(one, other) == pytest.approx(distance)
    assert text_distance(other, one) == pytest.approx(distance)


def test_rewrites_are_one_row_each_and_empty_ones_none() -> None:
    def task(id_: str, *messages: str) -> Task:
        kind = "qualitative" if len(messages) == 1 else "preference"
        return Task(id_, kind, messages, ("c",), Significance.LOW, {}, "1", "argilla", 3, NOW)

    def answer(task_id: str, person: str, text: str, status: AnnotationStatus) -> Annotation:
        return Annotation(person + task_id, task_id, person, "argilla", status, 1, {"suggestion": text}, NOW)

    done, draft = AnnotationStatus.SUBMITTED, AnnotationStatus.DRAFT
    tasks = {one.id: one for one in (task("t", "m2"), task("ab", "m2", "m1"))}
    table = rewrites(
        [
            answer("t", "p", " Better. ", done),
            answer("t", "q", "  ", done),
            answer("t", "r", "Draft.", draft),
            answer("ab", "p", "Both.", done),
        ],
        tasks,
    )
    assert table[["kind", "question", "item", "annotator", "value", "task_id"]].to_numpy().tolist() == [
        ["qualitative", "suggestion", "m2", "p", "Better.", "t"],
    ], "a comparison asks for no rewrite"
