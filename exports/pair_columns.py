"""Preference pairs as columns: what ``PreferencePair`` says of one, in arrays over many.

They hold pairs of two responses of models, of which people were asked once: see ``exports.plain_pairs``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import NOWHERE, filled, flags_of, lists_of, rows_at
from exports.context import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exports.arrays import Flags, Numbers
    from exports.message_columns import Messages, Ways

NEITHER = -1
"""The winner of a tied pair, and the side that a vote for neither prefers."""


@dataclass(frozen=True)
class VoteColumns:
    """The votes on pairs, in the order of the pairs and of annotation ids.

    ``pairs`` are the places of the pairs, ``preferred`` 0 or 1, the number of a side, or ``NEITHER``, and so is
    ``first_shown``. ``strengths`` are ``NEITHER`` where none was asked. ``people`` are places in ``person_ids``,
    ``answers`` the rows of the answers.
    """

    pairs: Numbers
    preferred: Numbers
    both_bad: Flags
    first_shown: Numbers
    strengths: Numbers
    weights: NDArray[np.float64]
    people: Numbers
    person_ids: pa.StringArray
    updated_at: pa.TimestampArray
    answers: Numbers

    def at(self, places: Numbers, pairs: Numbers) -> VoteColumns:
        """Return the votes at these places, on pairs that are at other places now."""
        return VoteColumns(
            pairs,
            self.preferred[places],
            self.both_bad[places],
            self.first_shown[places],
            self.strengths[places],
            self.weights[places],
            self.people[places],
            self.person_ids,
            rows_at(self.updated_at, places),
            self.answers[places],
        )


@dataclass(frozen=True)
class PairColumns:
    """Pairs, each with the two responses and the one task that it comes from.

    ``responses`` are the rows of the two sides in ``messages``, the sides in alphabetical order, and ``prompts`` the
    ways down to the messages that they answer. ``prompt_codes`` are equal for equal prompts. ``posteriors`` are those
    of both sides, not a number where no report has computed them; with ``weighs_posterior`` they make ``weight`` and
    ``margin``.
    """

    ids: pa.StringArray
    messages: Messages
    responses: Numbers  # n, 2
    prompts: Ways
    prompt_codes: Numbers
    task_ids: pa.StringArray
    rules_versions: pa.StringArray
    skips: Numbers
    posteriors: NDArray[np.float64]  # n, 2
    votes: VoteColumns
    origins: Origins
    weighs_posterior: bool = False

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.ids)

    def at(self, places: Numbers) -> PairColumns:
        """Return the pairs at these places, in this order."""
        of_new = np.full(len(self), NOWHERE, np.int64)
        of_new[places] = np.arange(len(places))
        pairs = of_new[self.votes.pairs]
        kept = np.flatnonzero(pairs != NOWHERE)
        kept = kept[np.argsort(pairs[kept], kind="stable")]
        return PairColumns(
            rows_at(self.ids, places),
            self.messages,
            self.responses[places],
            self.prompts.at(places),
            self.prompt_codes[places],
            rows_at(self.task_ids, places),
            rows_at(self.rules_versions, places),
            self.skips[places],
            self.posteriors[places],
            self.votes.at(kept, pairs[kept]),
            self.origins,
            self.weighs_posterior,
        )

    @cached_property
    def counts(self) -> Numbers:
        """The number of votes for each side, for a tie, and that both are bad (n, 4)."""
        votes = self.votes
        said = np.where(votes.both_bad, 3, np.where(votes.preferred == NEITHER, 2, votes.preferred))
        return np.bincount(votes.pairs * 4 + said, minlength=4 * len(self)).reshape(-1, 4)

    @cached_property
    def n_votes(self) -> Numbers:
        """The number of votes."""
        found: Numbers = self.counts.sum(axis=1)
        return found

    @cached_property
    def winners(self) -> Numbers:
        """The side that more than half of the votes prefer, or ``NEITHER``."""
        won = 2 * self.counts[:, :2] > self.n_votes[:, None]
        return np.where(won[:, 0], 0, np.where(won[:, 1], 1, NEITHER))

    @cached_property
    def chosen(self) -> Numbers:
        """The number of the chosen side; of a tied pair, the first."""
        return np.maximum(self.winners, 0)

    def of(self, sides: Numbers) -> Numbers:
        """Return the rows of the responses that are on these sides."""
        found: Numbers = self.responses[np.arange(len(self)), sides]
        return found

    def count(self, sides: Numbers) -> Numbers:
        """Return the number of votes for these sides."""
        found: Numbers = self.counts[np.arange(len(self)), sides]
        return found

    def shown_first(self, sides: Numbers) -> Numbers:
        """Return the number of votes by people who saw these sides first."""
        votes = self.votes
        first = votes.pairs[votes.first_shown == sides[votes.pairs]]
        return np.bincount(first, minlength=len(self))

    @cached_property
    def agreement(self) -> NDArray[np.float64]:
        """Share of votes for the most frequent answer."""
        found: NDArray[np.float64] = self.counts.max(axis=1) / self.n_votes
        return found

    @cached_property
    def strength(self) -> NDArray[np.float64]:
        """(votes for chosen - votes for rejected) / all votes."""
        return (self.count(self.chosen) - self.count(1 - self.chosen)) / self.n_votes

    @cached_property
    def posterior(self) -> NDArray[np.float64]:
        """The probability that chosen is better; not a number where it is not known."""
        found: NDArray[np.float64] = self.posteriors[np.arange(len(self)), self.chosen]
        return found

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """Summed weight of the votes for chosen / number of votes; the posterior of chosen where posteriors weigh."""
        votes = self.votes
        of_votes = np.where(votes.preferred == self.chosen[votes.pairs], votes.weights, 0.0)
        return self._or_posterior(self.posterior, self._sums(of_votes) / self.n_votes)

    @cached_property
    def margin(self) -> NDArray[np.float64]:
        """The mean strength of the votes towards chosen, weighted; 0 where all weights are 0.

        Where posteriors weigh, it is that of chosen less that of rejected.
        """
        votes = self.votes
        strengths = np.where(votes.strengths == NEITHER, 1, votes.strengths)
        towards = np.where(votes.preferred == self.chosen[votes.pairs], strengths, -strengths)
        towards = np.where(votes.preferred == NEITHER, 0, towards)
        totals, sums = self._sums(votes.weights), self._sums(votes.weights * towards)
        means = np.divide(sums, totals, out=np.zeros(len(self)), where=totals != 0)
        if not len(self):
            return means
        starts = np.cumsum(self.n_votes) - self.n_votes
        least, most = (of.reduceat(towards, starts) for of in (np.minimum, np.maximum))
        within: NDArray[np.float64] = np.clip(means, least, most)  # rounding alone would lead beyond
        rejected = self.posteriors[np.arange(len(self)), 1 - self.chosen]
        return self._or_posterior(self.posterior - rejected, np.where(totals != 0, within, 0.0))

    def _or_posterior(
        self, of_posteriors: NDArray[np.float64], of_votes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return a figure of posteriors where these weigh and are known, else that of votes."""
        return np.where(self.weighs_posterior & ~np.isnan(of_posteriors), of_posteriors, of_votes)

    def _sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the values of each pair's votes, rounded once, as ``math.fsum`` does."""
        whole = np.array_equal(values, np.rint(values)) and np.abs(values).sum() < 2**53
        if whole:  # their sums are exact
            return np.bincount(self.votes.pairs, values, minlength=len(self)).astype(np.float64)
        ends = np.cumsum(self.n_votes).tolist()
        listed = values.tolist()
        return np.array(
            [math.fsum(listed[end - n : end]) for n, end in zip(self.n_votes.tolist(), ends, strict=True)]
        )

    @cached_property
    def chats(self) -> Numbers:
        """The rows of the conversations of both sides (n, 2)."""
        return self.messages.of_chat[self.responses]

    def distinct_of(self, names: pa.Array) -> pa.ListArray:
        """Return what the conversations of both sides are called, sorted and each name once."""
        return distinct_of_two(*(rows_at(names, self.chats[:, side]) for side in (0, 1)))

    @cached_property
    def models(self) -> pa.StringArray:
        """The name of the model of each message; ``UNKNOWN`` where neither it nor its conversation names one."""
        of_chats = rows_at(self.origins.models, self.messages.of_chat)
        return filled(self.messages.models, of_chats, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Origins:
    """Where conversations come from, by their row: ``licences`` that the source does not name are ``UNKNOWN``."""

    ids: pa.StringArray
    sources: pa.StringArray
    licences: pa.StringArray
    models: pa.StringArray
    languages: pa.StringArray


def distinct_of_two(one: pa.Array, other: pa.Array) -> pa.ListArray:
    """Return the distinct names of two, sorted, in a list of one or two."""
    same = flags_of(pc.equal(one, other))
    n = len(same)
    least, most = pc.min_element_wise(one, other), pc.max_element_wise(one, other)
    both = rows_at(pa.concat_arrays([least, most]), np.arange(2 * n).reshape(2, n).T.ravel())
    kept = np.ones((n, 2), np.bool_)
    kept[:, 1] = ~same
    return lists_of(rows_at(both, np.flatnonzero(kept.ravel())), kept.sum(axis=1))
