"""Label noise: how many labels of a training set are probably wrong, told from how far people disagree.

Every vote is taken to be wrong with one probability e, the same for all people and items, and independently of other
votes (the one-coin model of Dawid and Skene, 1979, of binary labels). Two votes then disagree with probability
2 e (1 - e), from which e follows; an item of k votes for its label and m against it is wrong with the probability
1 / (1 + ((1 - e) / e)^(k - m)). People who err together, or in one direction, make it an underestimate.

Items without a label are not in a training set, so that those with one disagree less than all: of two votes that
disagree, none is left. e is told from items that have a label however people vote: an odd number of votes, none of them
undecided, on one question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

    from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """What votes say of noise: both shares from 0 to 0.5 and 0 to 1.

    ``told_from`` counts the items from which ``vote_error`` is told.
    """

    vote_error: float
    wrong_labels: float
    told_from: int

    def as_json(self) -> dict[str, JsonValue]:
        """Return the figures as the manifest holds them."""
        return {
            "vote_error": round(self.vote_error, 6),
            "wrong_labels": round(self.wrong_labels, 6),
            "told_from": self.told_from,
        }


@dataclass(frozen=True, slots=True)
class LabelVotes:
    """How many people are for the label of an item, against it, and neither; ``questions``: on how many."""

    for_it: int
    against: int
    undecided: int = 0
    questions: int = 1

    @property
    def always_labelled(self) -> bool:
        """Whether the item has a label however its people vote, as long as each decides."""
        return self.undecided == 0 and self.questions == 1 and (self.for_it + self.against) % 2 == 1


def label_noise(votes: Counter[LabelVotes]) -> LabelNoise | None:
    """Return the noise of labels from how many items have which votes; None where no item tells it."""
    several = [(it, n) for it, n in votes.items() if it.always_labelled and it.for_it + it.against > 1]
    if not several:
        return None
    pairs = sum(n * math.comb(it.for_it + it.against, 2) for it, n in several)
    disagreement = sum(n * it.for_it * it.against for it, n in several) / pairs
    error = (1 - math.sqrt(max(0.0, 1 - 2 * disagreement))) / 2
    wrong = (repeat(_wrong(it.for_it - it.against, error), n) for it, n in votes.items())
    return LabelNoise(
        error, math.fsum(chain.from_iterable(wrong)) / votes.total(), sum(n for _, n in several)
    )


def _wrong(lead: int, error: float) -> float:
    if error <= 0:
        return 0.0 if lead > 0 else 0.5
    exponent = lead * math.log((1 - error) / error)
    return 1 / (1 + math.exp(min(exponent, 700.0)))
