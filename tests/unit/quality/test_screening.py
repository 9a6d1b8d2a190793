"""Who is flagged, why, and who is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from bench.screening import LEVEL, crowd
from quality.multiple_testing import benjamini_hochberg
from quality.screening import FlagReason, screen
from quality.screening.co_agreement import co_agreement
from quality.screening.finding import in_words
from quality.screening.guessing import guessing
from quality.screening.texts import repeated_texts
from tests.sample_records import annotation, task

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = ["kind", "question", "item", "annotator", "value", "task_id"]
WITH_AND_WITHOUT_TIES = pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.8, 0.2), (0.4, 0.2, 0.4)], ids=["even", "skewed", "ties"]
)


def figure(evidence: Mapping[str, float | list[str]], name: str) -> float:
    """Return what the evidence says under that name, which must be a number."""
    value = evidence[name]
    assert not isinstance(value, list)
    return value


@WITH_AND_WITHOUT_TIES
def test_spammers_with_100_answers_are_found_and_honest_people_left_alone(shares: tuple[float, ...]) -> None:
    flagged = dict.fromkeys(("honest", "random", "straight"), 0)
    total = dict.fromkeys(flagged, 0)
    for seed in range(2):
        votes, kinds = crowd(np.random.default_rng(seed), 60, 3, shares, spam=True)
        found = {one.person for one in screen(votes, [], {}, LEVEL)}
        for person, kind in kinds.items():
            total[kind] += 1
            flagged[kind] += person in found
    assert flagged["honest"] <= 0.05 * total["honest"]
    assert flagged["random"] + flagged["straight"] >= 0.9 * (total["random"] + total["straight"])


@WITH_AND_WITHOUT_TIES
def test_a_crowd_of_honest_people_is_left_alone(shares: tuple[float, ...]) -> None:
    flagged = 0
    for seed in range(3):
        votes, kinds = crowd(np.random.default_rng(100 + seed), 40, 3, shares, spam=False)
        flagged += len(screen(votes, [], {}, LEVEL))
    assert flagged <= 0.05 * 3 * len(kinds)


def test_evidence_says_what_was_found_in_figures_and_item_ids() -> None:
    votes, kinds = crowd(np.random.default_rng(5), 40, 5, (0.5, 0.5), spam=True)
    found = {one.person: one for one in guessing(votes, LEVEL)}
    straight = next(found[person] for person, kind in kinds.items() if kind == "straight" and person in found)
    assert straight.reason is FlagReason.STRAIGHT_LINING
    evidence = straight.evidence
    assert evidence["same_answer"] == 1
    assert evidence["entropy_bits"] == 0
    assert figure(evidence, "crowd_entropy_bits") > 0.9
    assert figure(evidence, "agree_with_others") < figure(evidence, "crowd_agrees")
    assert figure(evidence, "q_value") <= LEVEL
    assert straight.weight == evidence["answers"] == (votes["annotator"] == straight.person).sum()
    items = evidence["items"]
    assert isinstance(items, list)
    assert set(items) <= set(votes["item"])
    assert 0 < len(items) <= 10


def test_the_same_votes_give_the_same_findings_in_any_order() -> None:
    votes, _ = crowd(np.random.default_rng(6), 30, 3, (0.4, 0.2, 0.4), spam=True)
    shuffled = votes.sample(frac=1, random_state=1)
    assert [one.person for one in guessing(shuffled, LEVEL)] == [one.person for one in guessing(votes, LEVEL)]


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_hardly_any_answers_flag_nobody(rows: int) -> None:
    table = pd.DataFrame(
        [("qualitative", "toxic", f"m{n // 2}", f"p{n % 2}", "yes", f"t{n // 2}") for n in range(rows)],
        columns=COLUMNS,
        dtype="str",
    )
    assert screen(table, [], {}) == []


def test_people_who_share_their_answers_are_found_together() -> None:
    votes, _ = crowd(np.random.default_rng(9), 40, 8, (0.5, 0.5), spam=False)
    both = votes[votes["annotator"] == "p000"].assign(annotator="copy")
    found = co_agreement(pd.concat([votes, both]), LEVEL)
    assert [one.person for one in found] == ["copy", "p000"]
    assert found[0].evidence["with"] == ["p000"]
    assert found[0].evidence["agreement"] == 1
    assert figure(found[0].evidence, "expected") < 0.85


def test_one_rewrite_for_several_responses_is_found() -> None:
    same = "As a language model, I cannot help with that request."
    texts = {
        "t1": same,
        "t2": same.upper(),
        "t3": f"  {same[:-1]}\n",
        "t4": "Another text, long enough to count.",
    }
    tasks = {name: task(name, {"suggestion": 8}) for name in texts}
    tasks = {name: replace(one, message_ids=(f"m-{name}",)) for name, one in tasks.items()}
    written = [annotation(name, "ada", {"suggestion": text}) for name, text in texts.items()]
    short = [annotation(name, "bo", {"suggestion": "I don't know."}) for name in texts]
    (found,) = repeated_texts([*written, *short], tasks)
    assert (found.person, found.reason, found.weight) == ("ada", FlagReason.REPEATED_TEXT, 3)
    assert found.evidence == {
        "rewrites": 4,
        "repeated": 3,
        "different_texts": 1,
        "items": ["m-t1", "m-t2", "m-t3"],
    }


def test_benjamini_hochberg_gives_the_adjusted_values_of_the_paper() -> None:
    # Benjamini and Hochberg (1995), section 4.1: of these 15, four are rejected at 5 %
    p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    adjusted = benjamini_hochberg(p[::-1])[::-1]
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    assert len(benjamini_hochberg([])) == 0


@pytest.mark.parametrize("reason", list(FlagReason))
def test_a_figure_that_evidence_lacks_is_told_as_unknown(reason: FlagReason) -> None:
    assert "unknown" in in_words(reason, {})
    assert "unknown" in in_words(reason, {"agreement": None, "items": ["i1"]})
    assert "1 vote" in in_words(FlagReason.GUESSING, {"answers": 1})
