"""Bradley-Terry model with Davidson's ties: the strength of each model, from pairwise comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special
from scipy.sparse import csgraph, csr_matrix

from quality.aggregation.comparisons import Comparisons
from quality.answer_table import as_frame

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from quality.answer_table import AnswerTable

_MAX_STEPS = 100
_SETTLED = 1e-12
_RIDGE = 1e-9
_LONGEST_STEP = 3.0


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Estimated strengths of the models compared.

    ``scores`` has one row per model (the index ``name``, strongest first): ``score``, the natural logarithm of
    its strength; ``standard_error`` from the curvature of the likelihood, which takes comparisons as
    independent; ``low`` and ``high``, a 95 % bootstrap interval; ``n_comparisons``, ``n_wins``, ``n_ties``.
    ``tie`` is Davidson's nu: two equal models tie with probability nu / (2 + nu); 0 without ties.
    ``log_likelihood`` is that of the outcomes (natural logarithm, without the prior).
    """

    scores: pd.DataFrame
    tie: float
    log_likelihood: float

    def win_probability(self, model: Hashable, opponent: Hashable) -> float:
        """Return the probability that ``model`` is preferred to ``opponent``; ties count for neither.

        Raises:
            KeyError: one of the two was not compared.
        """
        score = self.scores["score"].to_dict()
        difference = score[model] - score[opponent]
        win, loss = np.exp(difference / 2), np.exp(-difference / 2)
        return float(win / (win + loss + self.tie))


def bradley_terry(
    table: AnswerTable,
    *,
    reference: Hashable | None = None,
    prior: float = 0.5,
    replicates: int = 200,
    seed: int = 0,
) -> BradleyTerry:
    """Estimate strengths so that the odds of i against j are strength(i) : strength(j).

    A tie has the weight nu * sqrt(strength(i) * strength(j)).

    Args:
        table: columns ``first`` and ``second`` (the models compared) and ``value``: ``first``, ``second``
            (the better one) or ``tie``; rows with a missing entry are left out. Optional columns ``item`` and
            ``annotator`` name the clusters of comparisons: the bootstrap then resamples whole items and
            whole people, because comparisons by one person, or of one prompt, are correlated.
        reference: the model whose score is 0. Without it, the mean of all scores is 0.
        prior: number of comparisons with an average opponent that are added for each model, half of them won
            and half lost. It keeps scores finite where a model wins every comparison. 0 gives maximum
            likelihood.
        replicates: number of bootstrap replicates for ``low`` and ``high``; 0 leaves both missing.
        seed: seed of the bootstrap.

    Returns:
        The scores. Without comparisons the table is empty.

    Raises:
        ValueError: a missing column, an unknown value, a model compared with itself, an unknown reference,
            or, without a prior, scores that are not finite because some models never beat or tied with the
            others.

    Source: Davidson (1970), On extending the Bradley-Terry model to accommodate ties in paired comparison
    experiments, JASA 65; bootstrap over two factors: Owen (2007), The pigeonhole bootstrap, Annals of Applied
    Statistics 1.
    """
    if prior < 0 or replicates < 0:
        raise ValueError(f"prior and replicates are at least 0; got {prior}, {replicates}")
    games = Comparisons.of(as_frame(table))
    n_names = len(games.names)
    if reference is not None and reference not in games.names:
        raise ValueError(f"the reference {reference!r} is not among {', '.join(map(repr, games.names))}")
    if not n_names:
        return BradleyTerry(_scores(games, np.zeros((0, 4))), 0.0, 0.0)
    outcomes = games.outcomes(np.ones(len(games.pair)))
    if not prior:
        _check_connected(games, outcomes)
    model = _Model(games.model_a, games.model_b, n_names, prior, ties=bool(outcomes[:, 2].any()))
    best = model.fit(outcomes, np.zeros(n_names + 1))
    contrast = np.eye(n_names) - (
        np.full((n_names, n_names), 1 / n_names)
        if reference is None
        else np.tile(np.eye(n_names)[games.names.get_loc(reference)], (n_names, 1))
    )
    covariance = contrast @ np.linalg.pinv(model.information(outcomes, best))[:-1, :-1] @ contrast.T
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [contrast @ model.fit(games.outcomes(games.weights(rng)), best)[:-1] for _ in range(replicates)]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0) if replicates else np.full((2, n_names), np.nan)
    figures = np.column_stack([contrast @ best[:-1], np.sqrt(np.diag(covariance).clip(min=0)), low, high])
    tie = float(np.exp(best[-1])) if model.ties else 0.0
    return BradleyTerry(_scores(games, figures), tie, model.log_likelihood(outcomes, best))


@dataclass(frozen=True, slots=True)
class _Model:
    """The log-likelihood and its derivatives with respect to the scores and, last, the logarithm of nu."""

    model_a: NDArray[np.int64]
    model_b: NDArray[np.int64]
    n_names: int
    prior: float
    ties: bool

    def fit(self, outcomes: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Find the maximum by Newton's method; the objective is concave."""
        parameters, reached = start, self._objective(outcomes, start)
        for _ in range(_MAX_STEPS):
            # The likelihood does not change when the same number is added to all scores; the ridge makes the
            # matrix invertible and does not move the differences of scores.
            information = self.information(outcomes, parameters) + _RIDGE * np.eye(self.n_names + 1)
            step = np.linalg.solve(information, self._gradient(outcomes, parameters))
            step *= min(1.0, _LONGEST_STEP / max(np.abs(step).max(), _LONGEST_STEP))
            while (higher := self._objective(outcomes, parameters + step)) < reached - _SETTLED * abs(
                reached
            ):
                step = step / 2
            parameters, before, reached = parameters + step, reached, higher
            if np.abs(step).max() < _SETTLED or reached - before <= _SETTLED * _SETTLED * abs(reached):
                break
        return parameters

    def log_likelihood(self, outcomes: NDArray[np.float64], parameters: NDArray[np.float64]) -> float:
        """Return the log-likelihood of the outcomes, without the prior."""
        seen = outcomes > 0
        return float((outcomes[seen] * np.log(self._probabilities(parameters)[seen])).sum())

    def information(
        self, outcomes: NDArray[np.float64], parameters: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the observed information: the negative second derivatives of the objective."""
        win, loss, tie = self._probabilities(parameters).T
        often = outcomes.sum(axis=1)
        by_score = often * ((win + loss) / 4 - ((win - loss) / 2) ** 2)
        by_both = -often * (win - loss) / 2 * tie
        size = self.n_names
        matrix = np.zeros((size + 1, size + 1))
        for place, sign in ((self.model_a, 1), (self.model_b, -1)):
            np.add.at(matrix, (place, place), by_score)
            np.add.at(matrix[-1], place, sign * by_both)
        np.add.at(matrix, (self.model_a, self.model_b), -by_score)
        np.add.at(matrix, (self.model_b, self.model_a), -by_score)
        matrix[:, -1] = matrix[-1]
        matrix[-1, -1] = (often * tie * (1 - tie)).sum()
        even = special.expit(parameters[:-1])
        matrix[np.arange(size), np.arange(size)] += self.prior * even * (1 - even)
        return matrix

    def _gradient(
        self, outcomes: NDArray[np.float64], parameters: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        win, loss, tie = self._probabilities(parameters).T
        often = outcomes.sum(axis=1)
        by_score = (outcomes[:, 0] - outcomes[:, 1]) / 2 - often * (win - loss) / 2
        gradient = np.zeros(self.n_names + 1)
        np.add.at(gradient, self.model_a, by_score)
        np.add.at(gradient, self.model_b, -by_score)
        gradient[:-1] += self.prior * (0.5 - special.expit(parameters[:-1]))
        gradient[-1] = (outcomes[:, 2] - often * tie).sum()
        return gradient

    def _objective(self, outcomes: NDArray[np.float64], parameters: NDArray[np.float64]) -> float:
        scores = parameters[:-1]
        prior = self.prior / 2 * float((special.log_expit(scores) + special.log_expit(-scores)).sum())
        return self.log_likelihood(outcomes, parameters) + prior

    def _probabilities(self, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each outcome of each pair, (pairs x outcomes)."""
        half = (parameters[self.model_a] - parameters[self.model_b]) / 2
        tie = np.full(len(half), parameters[-1] if self.ties else -np.inf)
        return np.asarray(special.softmax(np.column_stack([half, -half, tie]), axis=1), dtype=np.float64)


def _check_connected(games: Comparisons, outcomes: NDArray[np.float64]) -> None:
    """Raise ``ValueError`` for comparisons whose maximum likelihood scores are infinite."""
    won, lost, tied = outcomes.T > 0
    winners = np.concatenate([games.model_a[won | tied], games.model_b[lost | tied]])
    losers = np.concatenate([games.model_b[won | tied], games.model_a[lost | tied]])
    size = len(games.names)
    graph = csr_matrix((np.ones(len(winners)), (winners, losers)), shape=(size, size))
    number, group = csgraph.connected_components(graph, directed=True, connection="strong")
    if number > 1:
        apart = ", ".join(repr(name) for name in games.names[group == group[0]][:5])
        raise ValueError(
            f"without a prior the scores are not finite: {apart} and the rest did not each win or tie against "
            "the other side; set prior above 0"
        )


def _scores(games: Comparisons, figures: NDArray[np.float64]) -> pd.DataFrame:
    size = len(games.names)
    outcomes = games.outcomes(np.ones(len(games.pair)))
    met, won, tied = np.zeros(size, dtype=int), np.zeros(size, dtype=int), np.zeros(size, dtype=int)
    for place, wins in ((games.model_a, outcomes[:, 0]), (games.model_b, outcomes[:, 1])):
        np.add.at(met, place, outcomes.sum(axis=1).astype(int))
        np.add.at(won, place, wins.astype(int))
        np.add.at(tied, place, outcomes[:, 2].astype(int))
    scores = pd.DataFrame(figures, games.names, ["score", "standard_error", "low", "high"])
    return scores.assign(n_comparisons=met, n_wins=won, n_ties=tied).sort_values(
        "score", ascending=False, kind="stable"
    )
