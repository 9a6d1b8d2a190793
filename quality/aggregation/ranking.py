"""Ranking of models by pairwise preferences, with the uncertainty of each rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csgraph, csr_matrix

from quality.aggregation.bradley_terry import bradley_terry
from quality.answer_table import as_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quality.answer_table import AnswerTable

LEAST_COMPARISONS = 20
LEAST_PEOPLE = 3


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
    columns = ["first", "second", "value", "item", "annotator"]
    frame = as_frame(table, columns)
    every = frame[columns].dropna()
    every = every[every["first"] != every["second"]]
    kept, apart = _connected(_often(every, least))
    model = bradley_terry(kept, seed=seed)
    n_people = kept["annotator"].nunique()
    scores = _with_shares(model.scores, model.tie)
    if n_people < LEAST_PEOPLE:
        scores[["low", "high", "share_low", "share_high"]] = np.nan
    ranked = {*scores.index, *apart}
    named = {*every["first"], *every["second"]}
    return Ranking(
        _with_places(scores),
        model.tie / (2 + model.tie),
        len(kept),
        n_people,
        tuple(sorted(named - ranked)),
        apart,
    )


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


def _with_places(scores: pd.DataFrame) -> pd.DataFrame:
    low, high = scores["low"].to_numpy(), scores["high"].to_numpy()
    above = (low[None, :] > high[:, None]).sum(axis=1)
    below = (high[None, :] < low[:, None]).sum(axis=1)
    places = {"rank_from": 1 + above, "rank_to": len(scores) - below}
    columns = {name: pd.Series(place, scores.index, dtype="Int64") for name, place in places.items()}
    return scores.assign(**{name: column.where(scores["low"].notna()) for name, column in columns.items()})
