"""Biases of choice that are not about length: what is shown first, and what is laid out with more Markdown."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.text_style import style_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import JsonValue

    from exports.context import Prompt
    from exports.pairs import PreferencePair

FEATURES = ("headers", "lists", "bold", "code")
"""Counts of Markdown in a text (``workspaces.text_style``)."""


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


@dataclass(frozen=True, slots=True)
class Clusters:
    """Sums over clusters of cases, each cluster with so many of its cases counted; no cluster is empty.

    ``squares``, ``products`` and ``sizes`` are the sums of the squares of the counts, of counts times sizes, and of the
    squares of the sizes.
    """

    clusters: int = 0
    count: int = 0
    of: int = 0
    squares: int = 0
    products: int = 0
    sizes: int = 0

    def __add__(self, other: Clusters) -> Clusters:
        """Return the sums over the clusters of both."""
        return Clusters(
            self.clusters + other.clusters,
            self.count + other.count,
            self.of + other.of,
            self.squares + other.squares,
            self.products + other.products,
            self.sizes + other.sizes,
        )

    @property
    def share(self) -> Share | None:
        """The share of cases; None without a case.

        Source: Kish (1965), 'Survey sampling': the effective number is the number over the design effect, which is here
        the variance of the share as clusters vary, over that of as many independent cases.
        """
        count, of = self.count, self.of
        if not of:
            return None
        spread = of * of * self.squares - 2 * of * count * self.products + count * count * self.sizes
        effective = count * (of - count) * of * of / spread if spread else self.clusters
        return Share(count, of, min(of, max(1, effective)))


def clusters_of(clusters: Iterable[tuple[int, int]]) -> Clusters:
    """Return the sums over clusters of cases, each as how many of how many."""
    some = [(count, of) for count, of in clusters if of]
    return Clusters(
        len(some),
        sum(count for count, _ in some),
        sum(of for _, of in some),
        sum(count * count for count, _ in some),
        sum(count * of for count, of in some),
        sum(of * of for _, of in some),
    )


def position_bias(pairs: Sequence[PreferencePair]) -> Clusters:
    """Return how often the side that was shown first is preferred, of votes that prefer one.

    All who answer a task see the same order, and most agree about what is better: prompts are clusters.
    """
    votes: dict[Prompt, list[bool]] = defaultdict(list)
    for pair in pairs:
        votes[pair.prompt] += (
            vote.preferred == vote.shown_first
            for vote in pair.votes
            if vote.preferred is not None and vote.shown_first is not None
        )
    return clusters_of((sum(some), len(some)) for some in votes.values())


def style_bias(pairs: Sequence[PreferencePair]) -> dict[str, Clusters]:
    """Return by feature how often the chosen side has more of it, of the pairs whose sides differ in it.

    Pairs of one prompt are a cluster: they share responses.

    Source: Li, Angelopoulos and Chiang (2024), 'Does style matter? Disentangling style and substance in Chatbot Arena'.
    """
    more: dict[str, dict[Prompt, list[bool]]] = {name: defaultdict(list) for name in FEATURES}
    for pair in pairs:
        chosen, rejected = style_of(pair.chosen.text), style_of(pair.rejected.text)
        for name, by_prompt in more.items():
            one, other = getattr(chosen, name), getattr(rejected, name)
            if one != other:
                by_prompt[pair.prompt].append(one > other)
    return {name: clusters_of((sum(it), len(it)) for it in some.values()) for name, some in more.items()}
