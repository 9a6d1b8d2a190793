"""Strength of models beside the style of their answers: Bradley-Terry with differences of style as covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from quality.aggregation.comparisons import Comparisons
from quality.answer_table import as_frame
from workspaces.text_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quality.answer_table import AnswerTable

    Floats = NDArray[np.float64]
    Codes = NDArray[np.integer]

_WON = np.array([1.0, 0.0, 0.5])
_MAX_STEPS = 50
_SETTLED = 1e-10
_RIDGE = 1e-9
_STYLE_PRIOR = 1.0
"""Prior precision of a style's effect, in log odds for each standard deviation."""
_TOLD_APART = 0.02
"""The least share of a style's variance that the models compared must leave open."""


@dataclass(frozen=True, slots=True)
class StyleControl:
    """Models ranked without and with control of style, on the same comparisons.

    ``scores`` has one row per model (the index, best first by ``score``): ``plain``, ``plain_low``, ``plain_high``, and
    ``score``, ``low``, ``high`` at equal style: the natural logarithm of the odds against an average model, with 95 %
    intervals for other people and other items. ``style`` has one row per feature: ``effect``, ``low``, ``high``, in log
    odds for each standard deviation of the difference; missing where the comparisons cannot tell it from the models,
    as ``reason`` says.
    """

    scores: pd.DataFrame
    style: pd.DataFrame
    n_comparisons: int


def control_style(
    table: AnswerTable,
    features: Sequence[str] = STYLE,
    *,
    prior: float = 0.5,
    style_prior: float = _STYLE_PRIOR,
) -> StyleControl:
    """Estimate how strong models are, and how strong at equal style.

    A tie is half a win of each. The difference of a feature is (first - second) / (first + second + 1), divided by its
    root mean square, so that it turns its sign when the two sides change places. A style that a model always has is
    part of the model: an effect is estimated from comparisons in which the same two models differ in style.

    Args:
        table: columns ``first``, ``second``, ``value`` (``first``, ``second``, ``tie``) as in ``bradley_terry``, and
            ``first_NAME``, ``second_NAME`` for each feature: a count, 0 or more. Optional columns ``item`` and
            ``annotator`` are the clusters of the intervals. Rows with a missing entry are left out.
        features: the names of the features.
        prior: number of comparisons with an average opponent that are added for each model, half of them won.
        style_prior: precision of a normal prior of each effect, around 0.

    Returns:
        The estimates. Without comparisons the tables are empty.

    Raises:
        ValueError: a missing column, an unknown value, or a model compared with itself.

    Source: Li, Angelopoulos and Chiang (2024), Does style matter? Disentangling style and substance in Chatbot Arena;
    intervals by the sandwich estimator over two factors: Cameron, Gelbach and Miller (2011), Robust inference with
    multiway clustering, Journal of Business & Economic Statistics 29.
    """
    counts = [f"{side}_{name}" for name in features for side in ("first", "second")]
    frame = as_frame(table, ["first", "second", "value", *counts])
    games = Comparisons.of(frame.dropna(subset=counts) if counts else frame)
    size, rows = len(games.names), (games.model_a[games.pair], games.model_b[games.pair], _WON[games.outcome])
    differences = _differences(games.table, features, turned=games.turned)
    told = _told_apart(*rows[:2], differences, size)
    nothing = np.zeros((len(games.pair), 0))
    plain = _Fit.of(rows, nothing, size, prior, style_prior)
    controlled = _Fit.of(rows, differences[:, told], size, prior, style_prior) if told.any() else plain
    bare, _ = plain.intervals(games.groups)
    full, effects = controlled.intervals(games.groups)
    columns = ["plain", "plain_low", "plain_high", "score", "low", "high"]
    scores = pd.DataFrame(np.hstack([bare, full]), games.names, columns)
    style = pd.DataFrame(np.nan, pd.Index(features, name="feature"), ["effect", "low", "high"])
    style.loc[told] = effects
    reason = np.where(differences.any(axis=0), "fixed by the models compared", "the same on both sides")
    return StyleControl(
        scores.sort_values("score", ascending=False, kind="stable"),
        style.assign(reason=pd.Series(reason, style.index, dtype="object").mask(told)),
        len(games.pair),
    )


def _differences(frame: pd.DataFrame, features: Sequence[str], *, turned: NDArray[np.bool_]) -> Floats:
    """Return the normalised differences of style, (comparisons x features), of the model that comes first by name."""
    found = np.zeros((len(frame), len(features)))
    for place, name in enumerate(features):
        one, other = (frame[f"{side}_{name}"].to_numpy(dtype=np.float64) for side in ("first", "second"))
        found[:, place] = (one - other) / (one + other + 1)
    found[turned] *= -1
    scale = np.sqrt((found**2).mean(axis=0)) if len(found) else np.zeros(len(features))
    return np.asarray(found / np.where(scale > 0, scale, 1), dtype=np.float64)


def _told_apart(one: Codes, other: Codes, z: Floats, size: int) -> NDArray[np.bool_]:
    """Tell which features vary beyond what the models compared, and the features before, explain."""
    told = np.zeros(z.shape[1], dtype=bool)
    for place in range(z.shape[1]):
        inside = [*np.flatnonzero(told), place]
        matrix = _crossed(one, other, z[:, inside], np.ones(len(z)), size)
        models, cross = matrix[:size, :size], matrix[:size, size:]
        left = matrix[size:, size:] - cross.T @ np.linalg.pinv(models) @ cross
        before, edge = left[:-1, :-1], left[:-1, -1]
        open_ = left[-1, -1] - (edge @ np.linalg.pinv(before) @ edge if len(inside) > 1 else 0)
        told[place] = open_ > _TOLD_APART * max(matrix[-1, -1], 1e-12)
    return told


def _crossed(one: Codes, other: Codes, z: Floats, weight: Floats, size: int) -> Floats:
    """Return the sum of weighted products of the rows, which are 1 for one model, -1 for the other, then features."""
    matrix = np.zeros((size + z.shape[1], size + z.shape[1]))
    pair = np.bincount(one * size + other, weight, size * size).reshape(size, size)
    matrix[:size, :size] = np.diag(pair.sum(axis=0) + pair.sum(axis=1)) - pair - pair.T
    weighted = z * weight[:, None]
    for place, column in enumerate(weighted.T, start=size):
        edge = np.bincount(one, column, size) - np.bincount(other, column, size)
        matrix[:size, place] = matrix[place, :size] = edge
    matrix[size:, size:] = z.T @ weighted
    return matrix


@dataclass(frozen=True, slots=True)
class _Fit:
    """Fitted scores and effects, with what intervals need: the rows, their surprises and the inverse information."""

    one: Codes
    other: Codes
    z: Floats
    size: int
    parameters: Floats
    surprise: Floats
    inverse: Floats

    @classmethod
    def of(
        cls, rows: tuple[Codes, Codes, Floats], z: Floats, size: int, prior: float, style_prior: float
    ) -> _Fit:
        """Find the maximum by Newton's method; the objective is concave."""
        one, other, won = rows
        parameters: Floats = np.zeros(size + z.shape[1])
        penalty = np.concatenate([np.zeros(size), np.full(z.shape[1], style_prior)])
        information, surprise = np.eye(len(parameters)), won
        for _ in range(_MAX_STEPS if len(won) else 0):
            chance = special.expit(parameters[one] - parameters[other] + z @ parameters[size:])
            even = special.expit(parameters[:size])
            surprise = won - chance
            gradient = np.concatenate([np.bincount(one, surprise, size), surprise @ z])
            gradient[:size] += prior * (0.5 - even) - np.bincount(other, surprise, size)
            gradient -= penalty * parameters
            information = _crossed(one, other, z, chance * (1 - chance), size)
            diagonal = np.concatenate([prior * even * (1 - even), penalty[size:]]) + _RIDGE
            information[np.diag_indices_from(information)] += diagonal
            step = np.linalg.solve(information, gradient)
            step *= min(1.0, 2.0 / max(np.abs(step).max(), 2.0))
            parameters = parameters + step
            if np.abs(step).max() < _SETTLED:
                break
        inverse = np.asarray(np.linalg.pinv(information), dtype=np.float64)
        return cls(one, other, z, size, parameters, surprise, inverse)

    def intervals(self, groups: tuple[Codes, ...]) -> tuple[Floats, Floats]:
        """Return estimate, low and high of the models, (models x 3), around their mean, and of the features."""
        contrast = np.eye(len(self.parameters))
        contrast[: self.size, : self.size] -= 1 / max(self.size, 1)
        root = contrast @ self.inverse
        each = [(np.einsum("ij,jk,ik->i", root, self._spread(group), root), group) for group in groups]
        variances = [variance for variance, _ in each]
        both = np.max(variances, axis=0)
        if len(groups) == 2:
            together = _both(*groups)
            inner = np.einsum("ij,jk,ik->i", root, self._spread(together), root)
            both = np.maximum(both, variances[0] + variances[1] - inner)
        clusters = min((int(group.max(initial=-1)) + 1 for group in groups), default=0)
        width = np.sqrt(both) * (stats.t.ppf(0.975, clusters - 1) if clusters > 1 else np.nan)
        middle = contrast @ self.parameters
        found = np.column_stack([middle, middle - width, middle + width])
        return found[: self.size], found[self.size :]

    def _spread(self, group: Codes) -> Floats:
        """Return the sum over clusters of the products of their gradients, with a correction for few clusters."""
        number, size = int(group.max(initial=-1)) + 1, self.size
        if number == len(group):
            return _crossed(self.one, self.other, self.z, self.surprise**2, size)
        place = np.concatenate([group * size + self.one, group * size + self.other])
        amount = np.concatenate([self.surprise, -self.surprise])
        models = sparse.coo_array((amount, (place // size, place % size)), shape=(number, size)).tocsr()
        style = np.column_stack(
            [np.zeros((number, 0)), *(np.bincount(group, self.surprise * z, number) for z in self.z.T)]
        )
        cross = models.T @ style
        matrix = np.block([[(models.T @ models).toarray(), cross], [cross.T, style.T @ style]])
        return np.asarray(matrix * (number / max(number - 1, 1)), dtype=np.float64)


def _both(one: Codes, other: Codes) -> Codes:
    """Return the clusters that are alike in both factors."""
    pair = one.astype(np.int64) * (int(other.max(initial=0)) + 1) + other
    return np.asarray(pd.factorize(pair)[0], dtype=np.int64)
