"""Preference pairs: a prompt, two responses, and the votes between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from exports.context import distinct, models_of
from exports.judgments import Act

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exports.context import Context, Prompt
    from exports.judgments import Judgment


class Decision(StrEnum):
    """What a lead decided about a pair: one of the sides, in alphabetical order, neither, or that both are bad."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"

    @property
    def posteriors(self) -> tuple[float, float]:
        """The probabilities that the first and that the second side is better: what was decided is certain."""
        return float(self is Decision.FIRST), float(self is Decision.SECOND)


class Origin(StrEnum):
    """The author of a side: a model in a chat log, a model that was asked for a counterpart, an annotator, or an
    annotator whose rewrite others accepted by their votes.
    """

    MODEL = "model"
    GENERATED = "generated"
    HUMAN_EDIT = "human_edit"
    ACCEPTED_REWRITE = "accepted_rewrite"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the texts that are compared. A text that occurs only in rewrites has no message and no model;
    ``rewrite_of`` are the responses that it replaces.
    """

    text: str
    origin: Origin
    message_ids: tuple[str, ...]
    models: tuple[str, ...]
    rewrite_of: tuple[str, ...] = ()


class Vote(NamedTuple):
    """One person's vote on a pair. ``preferred`` and ``shown_first`` are side numbers, 0 or 1.

    ``preferred`` is ``None`` for a tie, and if ``both_bad`` for a vote that both sides are bad; ``shown_first`` is
    ``None`` for a rewrite, where one side was shown, and where a log does not tell. ``act`` is what they
    did; ``from_log`` is true of one that came with a chat log. ``strength`` is how much better they called the
    preferred side, from 0 for a tie to 3; None where that was not asked. ``reason`` is what they wrote about it.
    ``weight`` is their weight on the question,
    and of a ranking that of one of its comparisons, which weigh together as much as one vote.
    """

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    preferred: int | None
    shown_first: int | None
    both_bad: bool = False
    act: Act = Act.COMPARISON
    from_log: bool = False
    strength: int | None = None
    reason: str = ""

    def towards(self, side: int) -> int:
        """Return how much the vote prefers a side: its strength, 1 where that was not asked; below 0 the other side."""
        if self.preferred is None:
            return 0
        strength = 1 if self.strength is None else self.strength
        return strength if self.preferred == side else -strength


@dataclass(frozen=True)
class PreferencePair:
    """Two different texts for one prompt and every vote between them.

    ``sides`` are in alphabetical order, which says nothing of quality; ``winner`` is the side number that
    more than half of all votes prefer (a tie counts as a vote), or ``None``. ``pair_id`` depends on prompt
    and texts alone: it stays when votes are added or the winner changes. ``skips`` counts the people who discarded
    the comparison instead of voting. ``writers`` are the answers that a rewrite comes from which others accepted.
    ``adjudicated`` is what a lead decided where votes disagree; ``winner`` then is the side that it names, if any.
    ``posteriors`` are the probabilities that the first and that the second side is better (the rest is that neither
    is), which a decision makes certain; None where no report has computed them. With ``weighs_posterior`` they make
    ``weight`` and ``margin``.
    """

    pair_id: str
    prompt: Prompt
    sides: tuple[Side, Side]
    votes: tuple[Vote, ...]
    winner: int | None
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]
    skips: int = 0
    writers: tuple[Judgment, ...] = ()
    adjudicated: Decision | None = None
    posteriors: tuple[float, float] | None = None
    weighs_posterior: bool = False

    @property
    def id(self) -> str:
        """The same as ``pair_id``: every export item has an id."""
        return self.pair_id

    @property
    def person_ids(self) -> set[str]:
        """The people who voted, or wrote a side that others accepted."""
        return {by.person_id for some in (self.votes, self.writers) for by in some}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of both sides, sorted."""
        return distinct(model for side in self.sides for model in side.models)

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The votes, and the rewrites that others accepted, as the card counts them."""
        return (*self.votes, *self.writers)

    @property
    def chosen(self) -> Side:
        """The side the majority prefers; of a tied pair, the first."""
        return self.sides[self.winner or 0]

    @property
    def rejected(self) -> Side:
        """The side that is not ``chosen``."""
        return self.sides[1 - (self.winner or 0)]

    @cached_property
    def counts(self) -> tuple[int, int, int, int]:
        """The number of votes for the one side, the other, a tie, and that both are bad."""
        counts = [0, 0, 0, 0]
        for vote in self.votes:
            if vote.both_bad:
                counts[3] += 1
            else:
                counts[2 if vote.preferred is None else vote.preferred] += 1
        return counts[0], counts[1], counts[2], counts[3]

    def count(self, preferred: int | None) -> int:
        """Return the number of votes for a side, or with ``None`` for a tie between sides that are not both bad."""
        return self.counts[2 if preferred is None else preferred]

    def shown_first(self, side: int) -> int:
        """Return the number of votes by people who saw this side first, as far as is known."""
        return sum(vote.shown_first == side for vote in self.votes)

    @property
    def n_both_bad(self) -> int:
        """Number of votes that both sides are bad."""
        return self.counts[3]

    @property
    def is_both_bad(self) -> bool:
        """Whether more than half of all votes, or what a lead decided, say that both sides are bad."""
        if self.adjudicated is not None:
            return self.adjudicated is Decision.BOTH_BAD
        return 2 * self.n_both_bad > len(self.votes)

    def mass(self, preferred: int) -> float:
        """Return the sum of the weights of the votes for a side."""
        return math.fsum(vote.weight for vote in self.votes if vote.preferred == preferred)

    @property
    def agreement(self) -> float:
        """Share of votes for the most frequent answer, over 0 to 1. One vote agrees with itself."""
        return max(self.counts) / len(self.votes)

    @property
    def strength(self) -> float:
        """(votes for chosen - votes for rejected) / all votes, each vote counting 1."""
        winner = self.winner or 0
        return (self.count(winner) - self.count(1 - winner)) / len(self.votes)

    @property
    def posterior(self) -> float | None:
        """The probability that chosen is better; None where no report has computed it."""
        return None if self.posteriors is None else self.posteriors[self.winner or 0]

    @property
    def weight(self) -> float:
        """Summed weight of the votes for chosen / number of votes: low where unsure people decided.

        Where posteriors weigh, it is that of chosen.
        """
        if self.weighs_posterior and self.posterior is not None:
            return self.posterior
        return self.mass(self.winner or 0) / len(self.votes)

    @property
    def margin(self) -> float:
        """The mean strength of the votes towards chosen, weighted, over -3 to 3; 0 where all weights are 0.

        A vote without a strength counts 1, so that without any it is (weight for chosen - weight for rejected) / all
        weight. Negative where the people of high confidence, or of strong opinions, were outvoted.
        Where posteriors weigh, it is that of chosen less that of rejected, over -1 to 1.
        """
        winner = self.winner or 0
        if self.weighs_posterior and self.posteriors is not None:
            return self.posteriors[winner] - self.posteriors[1 - winner]
        towards = [vote.towards(winner) for vote in self.votes]
        total = math.fsum(vote.weight for vote in self.votes)
        if not total:
            return 0.0
        mean = math.fsum(vote.weight * far for vote, far in zip(self.votes, towards, strict=True)) / total
        return min(max(mean, float(min(towards))), float(max(towards)))  # rounding alone would lead beyond


def origin_of(written: Iterable[Context]) -> Origin:
    """Return the origin of a text that models wrote: it is generated if it stands in no chat log."""
    return Origin.GENERATED if all(context.message.generated for context in written) else Origin.MODEL


def side_of(text: str, responses: Iterable[Context]) -> Side:
    """Return a text with its responses; one that none of them has is its writer's word for it over all of these."""
    responses = list(responses)
    shown = [context for context in responses if context.text == text]
    written = [context for context in shown if not context.is_rewrite]
    if written:
        return Side(
            text=text,
            origin=origin_of(written),
            message_ids=distinct(context.message.id for context in written),
            models=models_of(written),
        )
    replaced = (context.message.rewrite_of or "" for context in shown)
    return Side(
        text=text,
        origin=Origin.ACCEPTED_REWRITE if shown else Origin.HUMAN_EDIT,
        message_ids=(),
        models=(),
        rewrite_of=distinct(replaced if shown else (context.message.id for context in responses)),
    )
