"""Biases of choice that are not about length: what is shown first, and what is laid out with more Markdown."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import JsonValue

    from exports.context import Prompt
    from exports.pairs import PreferencePair

FEATURES = ("headers", "lists", "bold", "code")
"""Counts of Markdown in a text (``quality.text_style``)."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some cases; the interval holds the true share with 95 % (Wilson, 1927).

    ``effective``: as many independent cases tell as much; fewer than ``of`` where cases of one cluster agree.
    """

    count: int
    of: int
    effective: float

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.count / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        z, n = 1.959964, self.effective
        middle = (self.value + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (self.value * (1 - self.value) / n + z * z / (4 * n * n)) ** 0.5
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, JsonValue]:
        """Return share, interval and counts as the manifest holds them."""
        low, high = self.interval
        return {"share": round(self.value, 6), "low": round(low, 6), "high": round(high, 6), "of": self.of}

    def sentence(self, noun: str) -> str:
        """Return the figures in words; ``noun`` is what was counted, in the plural."""
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}), {noun}: {self.of:,}; 0.5: no bias"


def share_of(clusters: Iterable[tuple[int, int]]) -> Share | None:
    """Return the share of cases that come in clusters, each as how many of how many; None without a case.

    Source: Kish (1965), 'Survey sampling': the effective number is the number over the design effect, which is here
    the variance of the share as clusters vary, over that of as many independent cases.
    """
    some = [(count, of) for count, of in clusters if of]
    count, of = sum(count for count, _ in some), sum(of for _, of in some)
    if not of:
        return None
    spread = sum(
        (each * of - count * size) ** 2 for each, size in some
    )  # of integers, so that none is exactly 0
    effective = count * (of - count) * of * of / spread if spread else len(some)
    return Share(count, of, min(of, max(1, effective)))


def position_bias(pairs: Sequence[PreferencePair]) -> Share | None:
    """Return how often the side that was shown first is preferred, of votes that prefer one; None where none tells.

    All who answer a task see the same order, and most agree about what is better: prompts are clusters.
    """
    votes: dict[Prompt, list[bool]] = defaultdict(list)
    for pair in pairs:
        votes[pair.prompt] += (
            vote.preferred == vote.shown_first
            for vote in pair.votes
            if vote.preferred is not None and vote.shown_first is not None
        )
    return share_of((sum(some), len(some)) for some in votes.values())


def style_bias(pairs: Sequence[PreferencePair]) -> dict[str, Share]:
    """Return by feature how often the chosen side has more of it, of the pairs whose sides differ in it.

    Pairs of one prompt are a cluster: they share responses.

    Source: Li, Angelopoulos and Chiang (2024), 'Does style matter? Disentangling style and substance in Chatbot Arena'.
    """
    from quality.text_style import style_of  # the package is slow to import

    more: dict[str, dict[Prompt, list[bool]]] = {name: defaultdict(list) for name in FEATURES}
    for pair in pairs:
        chosen, rejected = style_of(pair.chosen.text), style_of(pair.rejected.text)
        for name, by_prompt in more.items():
            one, other = getattr(chosen, name), getattr(rejected, name)
            if one != other:
                by_prompt[pair.prompt].append(one > other)
    shares = {name: share_of((sum(it), len(it)) for it in some.values()) for name, some in more.items()}
    return {name: share for name, share in shares.items() if share is not None}
