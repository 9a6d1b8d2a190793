"""Confidence: each person's agreement with the majority of the others, and the multiplier of rewards.

Source: ChatFeedback, section 3, "Confidence score": consistency with the majority, an adjustment that is
"only significant for users who provide a large amount of divergent feedback".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from quality.answer_table import as_frame
from quality.labels import COLUMNS, CodedLabels, margin, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping

    from numpy.typing import NDArray

    from quality.answer_table import AnswerTable
    from quality.labels import Mirror

_STRENGTH_RANGE = (1.0, 1000.0)
_STRENGTHS = np.geomspace(*_STRENGTH_RANGE, 25)[:, None]
_ROUNDS = 10
_CHUNK = 1_000_000


@dataclass(frozen=True, slots=True)
class Population:
    """The distribution of people's rates of agreement: its mean, and its strength counted in answers.

    As a prior it is Beta(strength * mean, strength * (1 - mean)). ``rate`` is the mean as it was seen, which is 0 or 1
    where all people are alike in that. Source: Kleinman (1973), moments of the beta-binomial.
    """

    mean: float
    strength: float
    rate: float

    @classmethod
    def of(cls, agreeing: NDArray[np.float64], answers: NDArray[np.float64]) -> Population:
        """Estimate the distribution from the ``agreeing`` ones of each person's ``answers``.

        Both have shape (people,); fractions are allowed. People are weighted by the information in their rate,
        not by their number of answers, so that one prolific person does not dominate. With fewer than two
        people the strength is at its lower limit, 1 (nothing known); with no variation beyond chance it is at
        its upper limit, 1000 (people are alike). Without any answer the mean is 1/2 and the strength 2.
        """
        seen = answers > 0
        agreeing, answers = agreeing[seen], answers[seen]
        if not len(answers):
            return cls(0.5, 2.0, 0.5)
        rates, weights, overdispersion = agreeing / answers, answers, 0.0
        for _ in range(_ROUNDS):
            # One agreeing and one divergent answer are added, so that the mean of unanimous people is not 0 or 1.
            total = weights.sum()
            pull = total / answers.sum()
            rate = float((weights * rates).sum() / total)
            mean = (rate * total + pull) / (total + 2 * pull)
            if len(answers) < 2:
                return cls(mean, _STRENGTH_RANGE[0], rate)
            left = weights * (1 - weights / total)
            by_chance, by_person = float((left / answers).sum()), float(left.sum())
            spread = float((weights * (rates - mean) ** 2).sum()) / (mean * (1 - mean))
            excess = by_person - by_chance
            overdispersion = float(np.clip((spread - by_chance) / excess, 0, 1)) if excess > 0 else 0.0
            weights = answers / (1 + (answers - 1).clip(min=0) * overdispersion)
        strength = 1 / overdispersion - 1 if overdispersion > 0 else np.inf
        return cls(mean, float(np.clip(strength, *_STRENGTH_RANGE)), rate)

    def posteriors(
        self, agreeing: NDArray[np.float64], answers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return alpha and beta of the Beta that describes the rate of each person this was estimated from.

        From few people or answers, neither strength nor mean is known well, and an interval that takes them for known
        holds the truth of three people with 20 answers each in 55 to 68 of 100 cases, not in 95. So the posterior is
        averaged over strengths, each as likely as it makes all these answers (beta-binomial; before, overdispersion is
        as likely anywhere from 0 to 1), with the variance of the mean added, and the Beta of the same mean and
        variance is returned.

        Args:
            agreeing: shape (people,).
            answers: shape (people,); 0 of a person of whom nothing is known but that they are one of these.
        """
        agree, disagree = _STRENGTHS * self.mean, _STRENGTHS * (1 - self.mean)
        likely = special.betaln(agree + agreeing, disagree + answers - agreeing) - special.betaln(
            agree, disagree
        )
        evidence = likely.sum(axis=1) + np.log(_STRENGTHS[:, 0] / (_STRENGTHS[:, 0] + 1) ** 2)
        weights = np.exp(evidence - evidence.max())[:, None]
        weights /= weights.sum()

        total = _STRENGTHS + answers
        value = (agree + agreeing) / total
        information = (answers / (1 + (answers - 1).clip(min=0) / (_STRENGTHS + 1))).sum(
            axis=1, keepdims=True
        )
        of_mean = (_STRENGTHS / total) ** 2 * self.mean * (1 - self.mean) / (information + 3)
        variance = of_mean + (value * (1 - value) - of_mean).clip(min=0) / (total + 1)

        mean = (weights * value).sum(axis=0)
        variance = (weights * (variance + (value - mean) ** 2)).sum(axis=0)
        certainty = mean * (1 - mean) / variance - 1
        return mean * certainty, (1 - mean) * certainty


def annotator_confidence(
    table: AnswerTable,
    *,
    threshold: float = 0.6,
    certainty: float = 0.95,
    min_divergent: float = 10,
    mirror: Mirror | None = None,
    mirrors: Mapping[Hashable, Mirror] | None = None,
) -> pd.DataFrame:
    """Return each person's rate of agreement with the majority of the others, and the reward multiplier.

    **Credit.** An answer scores 1 if it is the majority of the *other* people's answers to the item, 0 if
    not. If several answers of the others are equally frequent, each of them scores 1/(number of them). Items
    that nobody else answered are left out. (Counting the person's own vote would give a guesser among three
    .66 instead of .50.)

    **Chance.** Credits are weighted by 1/(frequency of that majority answer), so that every possible majority
    answer has the same total weight. A person who answers without looking then scores 1/(number of answers),
    on a skewed question as on a balanced one; on a balanced question the weights are equal. Uneven weights
    carry less information, so the person is counted as having (sum of weights)^2 / (sum of squared weights)
    answers. Ties of the others have weight 1.

    **Shrinking.** The value is (s + strength * mean) / (n + strength), with n the number of answers as above, s
    the weighted rate of agreement times n, and mean and strength of all people, because a few answers say little
    about a person; averaged over the strengths that the answers make likely (``Population.posteriors``). ``low`` and
    ``high`` bound 95 % of the posterior Beta.

    **Multiplier.** Exactly 1, unless the posterior lies below the threshold with probability p >
    ``certainty`` and the person has more than ``min_divergent`` divergent answers. Then ``1 - surely * much
    * (1 - odds)``, where ``surely = (p - certainty) / (1 - certainty)``, ``much = 1 - min_divergent /
    divergent`` and ``odds = [value / (1 - value)] / [threshold / (1 - threshold)]``. The first two factors are
    0 at the limits, so that one more answer never lowers a reward by a step; both tend to 1 with evidence, and
    the multiplier tends to the person's odds of agreeing relative to those of the threshold. The multiplier
    falls with each divergent answer. The threshold is never above the mean of all people: if everybody
    disagrees, the question is unclear, and no reward is lowered for that.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts. An optional column ``question`` pools several
            questions: items and chance are separate for each question, the posterior is common.
        threshold: the rate of agreement below which a multiplier may fall, between 0 and 1.
        certainty: the posterior probability above which it falls, at least 0 and below 1.
        min_divergent: the number of divergent answers above which it falls, above 0.
        mirror: for comparisons, what each value becomes when the two sides change places, as ``{"first": "second",
            "second": "first"}``: both sides then have the same weight, whichever is called first more often.
        mirrors: the same for each question that is a comparison, where questions are pooled.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value``, ``low``, ``high``,
        ``n_answers`` (that could be compared), ``n_divergent`` (sum of 1 - credit) and ``multiplier``
        (above 0, at most 1). A person whose answers cannot be compared has the mean of the others and
        multiplier 1.

    Raises:
        AnswerTableError: the input is no table, or lacks a column.
        ValueError: an argument is out of its range.
    """
    rows, _ = confidence_and_prior(
        table,
        threshold=threshold,
        certainty=certainty,
        min_divergent=min_divergent,
        mirror=mirror,
        mirrors=mirrors,
    )
    return rows


def confidence_and_prior(
    table: AnswerTable,
    *,
    threshold: float = 0.6,
    certainty: float = 0.95,
    min_divergent: float = 10,
    mirror: Mirror | None = None,
    mirrors: Mapping[Hashable, Mirror] | None = None,
    information: pd.Series[float] | None = None,
    also: Collection[Hashable] = (),
) -> tuple[pd.DataFrame, Population]:
    """Return what ``annotator_confidence`` returns, and the prior: what is known of a person without any answer.

    ``information`` tells, by question and annotator, how many independent answers one answer is worth: below 1 where
    several depend on each other, as the comparisons of a ranking do; 1 where it tells nothing. Counts stay counts of
    answers; the multiplier goes by what they are worth. ``also`` are people who have a row even without an answer.
    """
    if not (0 < threshold < 1 and 0 <= certainty < 1 and min_divergent > 0):
        raise ValueError(
            "threshold lies between 0 and 1, certainty from 0 to below 1 and min_divergent above 0; got "
            f"{threshold}, {certainty}, {min_divergent}"
        )
    frame = as_frame(as_frame(table), COLUMNS)
    by_question = frame.groupby("question", sort=True, observed=True) if "question" in frame else ()
    tallies = [
        _informed(_tally(rows, (mirrors or {}).get(question, mirror)), question, information)
        for question, rows in by_question
    ]
    tally = pd.concat(tallies) if tallies else _tally(frame, mirror)
    known = tally.groupby(level=0, sort=False).sum()
    if new := [person for person in also if person not in known.index]:
        known = known.reindex([*known.index, *new], fill_value=0.0)
    sums = sorted_rows(known)
    answers = np.zeros(len(sums))
    weight, squares = sums["weight"].to_numpy(), sums["weight_squared"].to_numpy()
    np.divide(weight**2, squares, out=answers, where=squares > 0)
    rate = np.zeros(len(sums))
    np.divide(sums["agreeing"].to_numpy(), weight, out=rate, where=weight > 0)
    people = Population.of(rate * answers, answers)
    alpha, beta = people.posteriors(rate * answers, answers)
    bar = min(threshold, people.mean, people.rate)
    rows = pd.DataFrame(
        {
            "annotator": sums.index.to_numpy(),
            "value": alpha / (alpha + beta),
            "low": special.betaincinv(alpha, beta, 0.025),
            "high": special.betaincinv(alpha, beta, 0.975),
            "n_answers": sums["n_answers"].to_numpy().astype(np.int64),
            "n_divergent": sums["divergent"].to_numpy(),
            "multiplier": reward_multiplier(
                alpha, beta, sums["against"].to_numpy(), bar, certainty, min_divergent
            ),
        }
    )
    return rows, people


def reward_multiplier(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    divergent: NDArray[np.float64],
    threshold: float,
    certainty: float,
    min_divergent: float,
) -> NDArray[np.float64]:
    """Return the multiplier described in ``annotator_confidence``, from each person's posterior Beta(alpha, beta)."""
    surely = ((special.betainc(alpha, beta, threshold) - certainty) / (1 - certainty)).clip(0, 1)
    much = 1 - min_divergent / np.maximum(divergent, min_divergent)
    against = beta * threshold  # 0 where nobody ever agrees
    odds = np.divide(alpha * (1 - threshold), against, out=np.ones_like(beta), where=against > 0).clip(0, 1)
    return np.asarray(1 - surely * much * (1 - odds), dtype=np.float64)


def _informed(tally: pd.DataFrame, question: Hashable, information: pd.Series[float] | None) -> pd.DataFrame:
    """Return a tally of answers to one question as if each person had given as many as theirs are worth.

    ``n_answers`` and ``divergent`` stay counts of answers.
    """
    if information is None:
        return tally
    share = pd.Series(
        [float(information.get((question, person), 1.0)) for person in tally.index], index=tally.index
    )
    return tally.assign(
        weight_squared=tally["weight_squared"] * share,
        weight=tally["weight"] * share,
        agreeing=tally["agreeing"] * share,
        against=tally["against"] * share,
    )


def _tally(table: pd.DataFrame, mirror: Mirror | None) -> pd.DataFrame:
    """Return the sums of each person's credits and weights on one question; the index is the person."""
    labels = CodedLabels.of(table, mirror=mirror)
    credit_of, weight_of = _credits(labels)
    per_answer = {
        "agreeing": credit_of * weight_of,
        "weight": weight_of,
        "weight_squared": weight_of**2,
        "n_answers": (weight_of > 0).astype(np.float64),
        "divergent": np.where(weight_of > 0, 1 - credit_of, 0.0),
    }
    size = len(labels.annotators)
    per_answer["against"] = per_answer["divergent"]
    sums = {name: np.zeros(size) for name in per_answer}
    for start in range(0, len(labels.value), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        cell = labels.patterns.of_item[labels.item[chunk]], labels.value[chunk]
        for name, amount in per_answer.items():
            sums[name] += np.bincount(labels.annotator[chunk], weights=amount[cell], minlength=size)
    return pd.DataFrame(sums, index=labels.annotators)


def _credits(labels: CodedLabels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return credit and weight of each answer, both (patterns x values); weight 0 where nobody else answered.

    They are computed once per pattern and value, so the time does not depend on the number of answers.
    """
    counts, items = labels.patterns.counts, labels.patterns.weights
    n_values = counts.shape[1]
    credit, winner = np.zeros_like(counts), np.full(counts.shape, -1)
    compared = (counts > 0) & (counts.sum(axis=1, keepdims=True) > 1)
    for value in range(n_values):
        rest = counts.copy()
        rest[:, value] -= 1
        most = rest.max(axis=1, keepdims=True)
        first = (rest == most).sum(axis=1)
        credit[:, value] = np.where(rest[:, value] == most[:, 0], 1 / first, 0.0)
        winner[:, value] = np.where(first == 1, rest.argmax(axis=1), -1)
    answers = np.where(compared, counts * items[:, None], 0.0)
    decided = compared & (winner >= 0)
    majorities = np.bincount(winner[decided], weights=answers[decided], minlength=n_values)
    frequency = margin(majorities.astype(np.float64), labels.mirror)
    occurring = frequency > 0
    by_winner = np.ones(n_values + 1)
    by_winner[:-1][occurring] = frequency.sum() / (occurring.sum() * frequency[occurring])
    return credit, np.where(compared, by_winner[winner], 0.0)
