"""Biases of choice that are not about length: what is shown first, and what is laid out with more Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from exports.pairs import PreferencePair

FEATURES = ("headers", "lists", "bold", "code")
"""Counts of Markdown in a text (``quality.text_style``)."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some cases; the interval holds the true share with 95 % (Wilson, 1927)."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.count / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        z = 1.959964
        middle = (self.value + z * z / (2 * self.of)) / (1 + z * z / self.of)
        half = (
            z
            / (1 + z * z / self.of)
            * (self.value * (1 - self.value) / self.of + z * z / (4 * self.of**2)) ** 0.5
        )
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, JsonValue]:
        """Return share, interval and counts as the manifest holds them."""
        low, high = self.interval
        return {"share": round(self.value, 6), "low": round(low, 6), "high": round(high, 6), "of": self.of}

    def sentence(self, noun: str) -> str:
        """Return the figures in words; ``noun`` is what was counted, in the plural."""
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}), {noun}: {self.of:,}; 0.5: no bias"


def position_bias(pairs: Sequence[PreferencePair]) -> Share | None:
    """Return how often the side that was shown first is preferred, of votes that prefer one; None where none tells."""
    votes = [
        vote
        for pair in pairs
        for vote in pair.votes
        if vote.preferred is not None and vote.shown_first is not None
    ]
    return Share(sum(vote.preferred == vote.shown_first for vote in votes), len(votes)) if votes else None


def style_bias(pairs: Sequence[PreferencePair]) -> dict[str, Share]:
    """Return by feature how often the chosen side has more of it, of the pairs whose sides differ in it.

    Source: Li, Angelopoulos and Chiang (2024), 'Does style matter? Disentangling style and substance in Chatbot Arena'.
    """
    from quality.text_style import style_of  # the package is slow to import

    styles = [(style_of(pair.chosen.text), style_of(pair.rejected.text)) for pair in pairs]
    counts = {
        name: [(getattr(chosen, name), getattr(rejected, name)) for chosen, rejected in styles]
        for name in FEATURES
    }
    return {
        name: Share(sum(one > other for one, other in of_pairs), differing)
        for name, of_pairs in counts.items()
        if (differing := sum(one != other for one, other in of_pairs))
    }
