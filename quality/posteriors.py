"""Posterior probabilities of the answers to each item, for exports and for drawing tasks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quality.aggregation.dawid_skene import dawid_skene
from quality.aggregation.majority import vote_distribution
from quality.votes import in_classes, without_scores
from workspaces.kinds import ChoiceQuestion, question_of
from workspaces.records import ItemPosterior

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

_DIGITS = 4


def item_posteriors(
    votes: pd.DataFrame, decided: Mapping[tuple[str, str, str], str] = MappingProxyType({})
) -> Iterator[ItemPosterior]:
    """Yield, for every question and item answered, the votes and the probability of each value.

    Of a comparison with a strength the values are the sides, a tie, and that both are bad. Scores are left out: they
    have an order and a distance, and no true class that people confuse with others.

    The probabilities are those of Dawid-Skene, rounded to four digits. The votes are included because Dawid-Skene
    is not always better than the majority; a reader may use the majority instead.

    Args:
        votes: as ``quality.votes`` returns it.
        decided: what a lead decided about items, as a vote, by (kind, question, item); it has the probability 1.
    """
    answered = in_classes(without_scores(votes[votes["value"].notna()]))
    for (kind, name), table in answered.groupby(["kind", "question"], sort=True):
        question = question_of(str(kind), str(name))
        if not isinstance(question, ChoiceQuestion):
            continue
        values = question.classes
        posteriors, counts = (
            dawid_skene(table, values, mirror=question.mirror).posteriors,
            vote_distribution(table),
        )
        voted_values = [str(value) for value in counts.columns]
        for item, row, often in zip(
            posteriors.index,
            posteriors.to_numpy().round(_DIGITS).tolist(),
            counts.to_numpy().tolist(),
            strict=True,
        ):
            vote = decided.get((str(kind), question.name, str(item)))
            right = None if vote is None else question.class_of(vote)
            yield ItemPosterior(
                str(kind),
                question.name,
                str(item),
                {value: number for value, number in zip(voted_values, often, strict=True) if number},
                dict(zip(values, row, strict=True))
                if right is None
                else {value: float(value == right) for value in values},
                adjudicated=right is not None,
            )
