"""Corrections: responses on which people agree with each other and not with a judge, to teach it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quality.seed_feedback.trial import blind_votes
from workspaces.store.judge_prompts import is_set_apart, item_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

LEAST_PEOPLE = 2
"""The least people who must say the same."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A response, what all people said of it by question, and the questions on which the judge said otherwise."""

    item: str
    people: Mapping[str, str]
    differs: tuple[str, ...]


def disagreements(
    votes: pd.DataFrame, seeds: pd.DataFrame, judge: str, shown: Collection[str], most: int
) -> list[Disagreement]:
    """Return the responses to correct a judge by: only of those that a hash sets apart, which never test it.

    Args:
        votes: as ``quality.votes`` returns it; answers of people who saw a seed are left out.
        seeds: as ``seed_table`` returns it.
        judge: the judge, as ``seeds`` names it.
        shown: ids of the tasks that show a seed.
        most: the largest number returned.

    Returns:
        Responses on which two or more people all say the same and the judge something else; one question after another
        in turn, so that no question takes all places. The same input gives the same result.
    """
    blind = blind_votes(votes, shown)
    blind = blind[blind["item"].map(is_set_apart).astype(bool)]
    said = seeds.loc[seeds["judge"] == judge, ["item", "question", "value"]].rename(
        columns={"value": "judged"}
    )
    answers = blind.groupby(["item", "question"], as_index=False).agg(
        value=("value", "first"), values=("value", "nunique"), people=("annotator", "nunique")
    )
    agreed = answers[(answers["values"] == 1) & (answers["people"] >= LEAST_PEOPLE)]
    both = agreed.merge(said, on=["item", "question"])
    found: dict[str, Disagreement] = {}
    for item, rows in both.groupby("item"):
        differs = tuple(sorted(rows.loc[rows["value"] != rows["judged"], "question"]))
        if differs:
            people = dict(sorted(zip(rows["question"], rows["value"], strict=True)))
            found[str(item)] = Disagreement(str(item), people, differs)
    waiting = sorted(found, key=item_hash)
    chosen: list[Disagreement] = []
    while waiting and len(chosen) < most:
        covered = [question for it in chosen for question in it.differs]
        best = min(
            waiting,
            key=lambda item: (min(map(covered.count, found[item].differs)), -len(found[item].differs)),
        )
        waiting.remove(best)
        chosen.append(found[best])
    return chosen
