"""Who copies people or the seed is found; who merely agrees, or reads easy items, is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quality.screening import FlagReason, screen
from quality.screening.co_agreement import co_agreement
from quality.screening.finding import in_words
from quality.screening.seed_following import seed_following

LEVEL = 0.05 / 4
QUESTIONS = ("instruction", "helpful", "factual", "style")


def rated(
    rng: np.random.Generator, people: int, tasks: int, right: float = 0.9, seed_right: float = 0.8
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votes of honest people, three to a response, four questions each, and the seeds of all responses."""
    rows, seeds = [], []
    for number in range(tasks):
        truth = rng.random(len(QUESTIONS)) < 0.7
        seed = np.where(rng.random(len(QUESTIONS)) < seed_right, truth, ~truth)
        for question, said in zip(QUESTIONS, seed, strict=True):
            seeds.append(("judge, prompt 1", f"m{number}", question, "yes" if said else "no", "medium"))
        for person in rng.choice(people, 3, replace=False):
            said_by = np.where(rng.random(len(QUESTIONS)) < right, truth, ~truth)
            for question, said in zip(QUESTIONS, said_by, strict=True):
                rows.append(
                    (
                        "qualitative",
                        question,
                        f"m{number}",
                        f"p{person:02}",
                        "yes" if said else "no",
                        f"t{number}",
                    )
                )
    votes = pd.DataFrame(
        rows, columns=["kind", "question", "item", "annotator", "value", "task_id"], dtype="str"
    )
    columns = ["judge", "item", "question", "value", "significance"]
    return votes, pd.DataFrame(seeds, columns=columns, dtype="str")


def following(votes: pd.DataFrame, seeds: pd.DataFrame, people: set[str], slips: float = 0.0) -> pd.DataFrame:
    """Let some people say what the seed says."""
    said = votes.merge(
        seeds[["item", "question", "value"]], on=["item", "question"], suffixes=("", "_of_seed")
    )
    follows = said["annotator"].isin(people) & (np.random.default_rng(1).random(len(said)) >= slips)
    return said.assign(value=said["value"].where(~follows, said["value_of_seed"]))[votes.columns]


@pytest.mark.parametrize("followers", [set[str](), {"p03"}, {f"p{number:02}" for number in range(8)}])
def test_who_follows_the_seed_is_found_and_nobody_else(followers: set[str]) -> None:
    votes, seeds = rated(np.random.default_rng(3), 40, 500)
    found = seed_following(following(votes, seeds, followers, slips=0.05), seeds, LEVEL)
    people = {it.person for it in found}
    assert people <= followers, "nobody else"
    assert len(people) >= 0.8 * len(followers), (
        "where a fifth of all follow it, it is less clear what is usual"
    )
    for finding in found:
        assert finding.reason is FlagReason.SEED_FOLLOWING
        assert finding.evidence["judge"] == ["judge, prompt 1"]
        assert finding.weight == finding.evidence["against_the_seed"]
        assert "sides with the seed of judge, prompt 1 in" in in_words(finding.reason, finding.evidence)


@pytest.mark.parametrize("seed_right", [0.55, 0.95, 1.0])
def test_nobody_is_blamed_for_agreeing_with_a_good_or_a_bad_seed(seed_right: float) -> None:
    votes, seeds = rated(np.random.default_rng(4), 30, 400, right=0.8, seed_right=seed_right)
    assert seed_following(votes, seeds, LEVEL) == []


def test_a_newcomer_who_agrees_with_the_seed_is_left_alone() -> None:
    votes, seeds = rated(np.random.default_rng(5), 30, 300)
    newcomer = votes[votes["annotator"] == "p00"]["task_id"].unique()[3:]
    votes = votes[~((votes["annotator"] == "p00") & votes["task_id"].isin(newcomer))]
    assert seed_following(following(votes, seeds, {"p00"}), seeds, LEVEL) == []


@pytest.mark.parametrize("right", [0.65, 0.9, 0.985])
def test_a_copied_pair_is_found_on_hard_and_on_easy_items_and_honest_pairs_are_not(right: float) -> None:
    """Where everybody agrees in nine of ten answers anyway, a copy can agree in a tenth more at most."""
    rng = np.random.default_rng(6)
    votes, _ = rated(rng, 30, 600, right=right)
    assert co_agreement(votes, LEVEL) == []
    copied = votes[votes["annotator"] == "p07"].assign(annotator="copy")
    found = co_agreement(pd.concat([votes, copied]), LEVEL)
    assert {it.person for it in found} == {"p07", "copy"}
    assert found[0].evidence["agreement"] == 1


def test_a_pair_is_found_where_hardly_anybody_else_shares_tasks() -> None:
    """What is usual is known from all pairs, not only from the few that share much."""
    votes, _ = rated(np.random.default_rng(7), 60, 200)
    tasks = votes.loc[votes["annotator"] == "p01", "task_id"].unique()[:9]
    partner = votes[(votes["annotator"] == "p01") & votes["task_id"].isin(tasks)].assign(annotator="copy")
    assert {it.person for it in co_agreement(pd.concat([votes, partner]), LEVEL)} == {"p01", "copy"}


def test_screening_without_seeds_or_times_is_as_before() -> None:
    votes, seeds = rated(np.random.default_rng(8), 20, 100)
    empty = pd.DataFrame(
        columns=["person", "platform", "kind", "task_id", "seconds", "is_bound", "characters"]
    )
    assert screen(votes, [], {}) == screen(votes, [], {}, seeds=seeds.iloc[:0], times=empty) == []
