"""Ranking of models by pairwise preferences, with the uncertainty of each rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special
from scipy.sparse import csgraph, csr_matrix

from quality.aggregation.bradley_terry import bradley_terry
from quality.aggregation.style_control import control_style
from quality.answer_table import as_frame
from workspaces.text_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from quality.answer_table import AnswerTable

LEAST_COMPARISONS = 20
LEAST_PEOPLE = 3
_COLUMNS = ["first", "second", "value", "item", "annotator"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Models that can be ranked together.

    ``scores`` is the table of ``bradley_terry``, strongest first, with two additions: ``share``, the expected share of
    comparisons that the model wins against a model of average score, ties counted half, with its interval from
    ``share_low`` to ``share_high``; and the range of its rank, from ``rank_from`` (1 + number of models whose interval
    lies wholly above) to ``rank_to`` (number of models - number of those whose interval lies wholly below). Intervals
    and ranks are missing where fewer than ``LEAST_PEOPLE`` people compared. ``tie_share`` is the probability that two
    equal models tie. ``too_few`` names models with too few comparisons, ``apart`` those that no chain of comparisons
    connects with the ranked ones; both ascending.
    """

    scores: pd.DataFrame
    tie_share: float
    n_comparisons: int
    n_people: int
    too_few: tuple[str, ...]
    apart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StyleRanking:
    """Models ranked without and with control of style, on the same comparisons.

    ``scores`` has one row per model, best at equal style first: ``plain_share`` and ``share``, the expected share of
    comparisons won against an average model, ties counted half, as they are and at equal style, each with ``_low`` and
    ``_high``, and the ranges of ranks ``plain_from``, ``plain_to``, ``rank_from``, ``rank_to``; and ``n_comparisons``.
    Intervals and ranks are missing where fewer than ``LEAST_PEOPLE`` people compared. ``style`` is that of
    ``StyleControl``. ``n_unknown`` counts comparisons whose style is not known; ``too_few`` and ``apart`` are as in
    ``Ranking``, of those whose style is known.
    """

    scores: pd.DataFrame
    style: pd.DataFrame
    n_comparisons: int
    n_people: int
    n_unknown: int
    too_few: tuple[str, ...]
    apart: tuple[str, ...]


def rank_models(table: AnswerTable, *, least: int = LEAST_COMPARISONS, seed: int = 0) -> Ranking:
    """Rank models by people's comparisons of their answers.

    Args:
        table: text columns ``first`` and ``second`` (models), ``value`` (``first``, ``second``, ``tie``), ``item`` and
            ``annotator``, one id for each person: a person with several ids counts as several people, in ``n_people``
            and in the intervals. Rows with a missing entry, and comparisons of a model with itself, are left out.
        least: number of comparisons that a model needs to be ranked.
        seed: seed of the bootstrap.

    Returns:
        The ranking; its table is empty if no model can be ranked.

    Raises:
        ValueError: a missing column, or an unknown value.
    """
    every = _of_two_models(as_frame(table, _COLUMNS)[_COLUMNS])
    kept, too_few, apart = _rankable(every, least)
    model = bradley_terry(kept, seed=seed)
    n_people = kept["annotator"].nunique()
    scores = _with_shares(model.scores, model.tie)
    if n_people < LEAST_PEOPLE:
        scores[["low", "high", "share_low", "share_high"]] = np.nan
    scores = _with_places(scores, ("low", "high"), ("rank_from", "rank_to"))
    return Ranking(scores, model.tie / (2 + model.tie), len(kept), n_people, too_few, apart)


def rank_at_equal_style(
    table: AnswerTable, features: Sequence[str] = STYLE, *, least: int = LEAST_COMPARISONS
) -> StyleRanking:
    """Rank models as they are and at equal style, as the public arena does; see ``control_style``.

    Args:
        table: as in ``rank_models``, with ``first_NAME`` and ``second_NAME`` for each feature.
        features: the names of the features.
        least: number of comparisons, with known style, that a model needs to be ranked.

    Returns:
        The ranking; its tables are empty if no model can be ranked.

    Raises:
        ValueError: a missing column, or an unknown value.
    """
    counts = [f"{side}_{name}" for name in features for side in ("first", "second")]
    every = _of_two_models(as_frame(table, [*_COLUMNS, *counts])[[*_COLUMNS, *counts]], _COLUMNS)
    styled = every.dropna(subset=counts)
    kept, too_few, apart = _rankable(styled, least)
    found = control_style(kept, features)
    n_people = kept["annotator"].nunique()
    shares = special.expit(found.scores).set_axis(
        ["plain_share", "plain_low", "plain_high", "share", "share_low", "share_high"], axis=1
    )
    style = found.style
    if n_people < LEAST_PEOPLE:
        shares[["plain_low", "plain_high", "share_low", "share_high"]] = np.nan
        style = style.assign(low=np.nan, high=np.nan)
    shares = _with_places(shares, ("plain_low", "plain_high"), ("plain_from", "plain_to"))
    shares = _with_places(shares, ("share_low", "share_high"), ("rank_from", "rank_to"))
    times = pd.concat([kept["first"], kept["second"]]).value_counts()
    shares = shares.assign(n_comparisons=times.reindex(shares.index).astype("int64"))
    unknown = len(every) - len(styled)
    return StyleRanking(shares, style, len(kept), n_people, unknown, too_few, apart)


def _of_two_models(table: pd.DataFrame, needed: Sequence[str] | None = None) -> pd.DataFrame:
    """Leave out rows with a missing entry, and comparisons of a model with itself."""
    every = table.dropna(subset=None if needed is None else list(needed))
    return every[every["first"] != every["second"]]


def _rankable(every: pd.DataFrame, least: int) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Return the comparisons of models that can be ranked together, the models with too few, and those apart."""
    kept, apart = _connected(_often(every, least))
    ranked = {*kept["first"], *kept["second"], *apart}
    return kept, tuple(sorted({*every["first"], *every["second"]} - ranked)), apart


def _often(table: pd.DataFrame, least: int) -> pd.DataFrame:
    """Remove models with fewer than ``least`` comparisons, repeatedly, until all remaining ones have enough."""
    while len(table):
        times = pd.concat([table["first"], table["second"]]).value_counts()
        few = times.index[times < least]
        if not len(few):
            break
        table = table[~(table["first"].isin(few) | table["second"].isin(few))]
    return table


def _connected(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the comparisons of the connected component with most of them, and the models of other components."""
    codes, names = pd.factorize(pd.concat([table["first"], table["second"]], ignore_index=True), sort=True)
    first, second = codes.reshape(2, -1)
    graph = csr_matrix((np.ones(len(first)), (first, second)), shape=(len(names), len(names)))
    number, group = csgraph.connected_components(graph, directed=False)
    if number < 2:
        return table, ()
    largest = int(np.bincount(group[first]).argmax())
    return table[group[first] == largest], tuple(names[group != largest].tolist())


def _with_shares(scores: pd.DataFrame, tie: float) -> pd.DataFrame:
    columns = {"share": "score", "share_low": "low", "share_high": "high"}
    return scores.assign(**{name: _share(scores[score].to_numpy(), tie) for name, score in columns.items()})


def _share(score: NDArray[np.float64], tie: float) -> NDArray[np.float64]:
    win, loss = np.exp(score / 2), np.exp(-score / 2)
    return np.asarray((win + tie / 2) / (win + loss + tie), dtype=np.float64)


def _with_places(scores: pd.DataFrame, bounds: tuple[str, str], names: tuple[str, str]) -> pd.DataFrame:
    low, high = (scores[bound].to_numpy() for bound in bounds)
    above = (low[None, :] > high[:, None]).sum(axis=1)
    below = (high[None, :] < low[:, None]).sum(axis=1)
    known = scores[bounds[0]].notna()
    columns = {
        name: pd.Series(place, scores.index, dtype="Int64").where(known)
        for name, place in zip(names, (1 + above, len(scores) - below), strict=True)
    }
    return scores.assign(**columns)
