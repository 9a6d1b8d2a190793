"""Label noise: how many labels of a training set are probably wrong, told from how far people disagree.

Every vote is taken to be wrong with one probability e, the same for all people and items, and independently of other
votes (the one-coin model of Dawid and Skene, 1979, of binary labels). Two votes then disagree with probability
2 e (1 - e), from which e follows; an item of k votes for its label and m against it is wrong with the probability
1 / (1 + ((1 - e) / e)^(k - m)). People who err together, or in one direction, make it an underestimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """What votes say of noise: both shares from 0 to 0.5 and 0 to 1.

    ``judged_twice`` counts the items with two votes or more, from which ``vote_error`` is told.
    """

    vote_error: float
    wrong_labels: float
    judged_twice: int

    def as_json(self) -> dict[str, JsonValue]:
        """Return the figures as the manifest holds them."""
        return {
            "vote_error": round(self.vote_error, 6),
            "wrong_labels": round(self.wrong_labels, 6),
            "judged_twice": self.judged_twice,
        }


def label_noise(votes: Sequence[tuple[int, int]]) -> LabelNoise | None:
    """Return the noise of labels; None where no item has two votes.

    Args:
        votes: of each item, those for its label and those against it.
    """
    several = [(for_it, against) for for_it, against in votes if for_it + against > 1]
    if not several:
        return None
    pairs = sum(math.comb(for_it + against, 2) for for_it, against in several)
    disagreement = sum(for_it * against for for_it, against in several) / pairs
    error = (1 - math.sqrt(max(0.0, 1 - 2 * disagreement))) / 2
    wrong = math.fsum(_wrong(for_it - against, error) for for_it, against in votes) / len(votes)
    return LabelNoise(error, wrong, len(several))


def _wrong(lead: int, error: float) -> float:
    if error <= 0:
        return 0.0 if lead > 0 else 0.5
    exponent = lead * math.log((1 - error) / error)
    return 1 / (1 + math.exp(min(exponent, 700.0)))
