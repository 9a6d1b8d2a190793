"""Length bias: how often the longer response wins. A reward model can learn length alone and look accurate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from exports.pairs import PreferencePair

LIMITS = (512, 1024, 2048)
"""Lengths, in words, at which trainers commonly cut a sequence."""


@dataclass(frozen=True, slots=True)
class LengthBias:
    """The relation of length and choice over ``pairs`` pairs. Lengths are in characters.

    ``longer_wins_accuracy`` is that of always picking the longer side, a coin deciding between equal lengths:
    0.5 shows no bias. ``same_until`` counts the pairs whose sides are equal up to so many words.
    """

    pairs: int = 0
    chosen_longer: int = 0
    equal_length: int = 0
    same_until: Mapping[int, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))

    def __add__(self, other: LengthBias) -> LengthBias:
        """Return the numbers over the pairs of both."""
        return LengthBias(
            self.pairs + other.pairs,
            self.chosen_longer + other.chosen_longer,
            self.equal_length + other.equal_length,
            {limit: count + other.same_until[limit] for limit, count in self.same_until.items()},
        )

    @property
    def p_chosen_longer(self) -> float:
        """Share of pairs whose chosen side is strictly longer."""
        return self.chosen_longer / self.pairs

    @property
    def longer_wins_accuracy(self) -> float:
        """Accuracy of picking the longer side."""
        return (self.chosen_longer + self.equal_length / 2) / self.pairs

    def as_json(self) -> dict[str, JsonValue]:
        """Return the numbers as the manifest holds them."""
        return {
            "p_chosen_longer": round(self.p_chosen_longer, 6),
            "longer_wins_accuracy": round(self.longer_wins_accuracy, 6),
            "pairs_equal_until_words": {str(limit): count for limit, count in self.same_until.items()},
        }


def length_bias(pairs: Sequence[PreferencePair]) -> LengthBias:
    """Return the length bias of decided pairs.

    A trainer that cuts prompt and response to so many words in all sees no difference between the sides of a
    pair that ``same_until`` counts; words are what white space separates, so tokens run out earlier.

    Args:
        pairs: all with a winner.
    """
    lengths = [(len(pair.chosen.text), len(pair.rejected.text)) for pair in pairs]
    first_difference = [
        sum(len(content.split()) for _, content, *_ in pair.prompt)
        + common_words(pair.chosen.text, pair.rejected.text)
        for pair in pairs
    ]
    return LengthBias(
        pairs=len(pairs),
        chosen_longer=sum(chosen > rejected for chosen, rejected in lengths),
        equal_length=sum(chosen == rejected for chosen, rejected in lengths),
        same_until={limit: sum(words >= limit for words in first_difference) for limit in LIMITS},
    )


def p_wanted_longer(wanted: Iterable[int], unwanted: Iterable[int]) -> float | None:
    """Return P(a wanted completion is longer than an unwanted one), equal lengths counting one half.

    ``None`` if one of the two is empty. 0.5 shows no bias. This is the area under the ROC curve of length.
    """
    lengths, others = sorted(wanted), sorted(unwanted)
    if not lengths or not others:
        return None
    halves = sum(bisect_left(others, length) + bisect_right(others, length) for length in lengths)
    return halves / 2 / len(lengths) / len(others)


def common_words(first: str, second: str) -> int:
    """Return how many words two texts have alike before they differ."""
    words, other_words = first.split(), second.split()
    shorter = min(len(words), len(other_words))
    return next((index for index in range(shorter) if words[index] != other_words[index]), shorter)
