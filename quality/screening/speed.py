"""Speed: people who answer much faster than others do for texts of that length.

How long an answer takes grows with the text. For each kind of task and platform a curve is fitted through everybody's
times, and what is left of a person's times is compared with what is left of other people's. A person who is quick, but
not far from others, is not flagged; upper bounds of the time can only hide haste, never make it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from quality.multiple_testing import benjamini_hochberg
from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MIN_ANSWERS = 20
"""The number of answers with a known time that a person needs to be compared."""

MIN_PEOPLE = 5
"""The number of people from which it can be told what is usual."""

FAR = 3.0
"""A person is flagged only if they take less than this part of the usual time, however significant it is."""

_NORMAL_MAD = 1.4826
_LEAST_SPREAD = 0.2
_BINS = 10


def too_fast(times: pd.DataFrame, level: float) -> list[Finding]:
    """Return the people whose answers take far less time than others' for texts of the same length.

    Args:
        times: as ``quality.time_on_task.time_table`` returns it.
        level: false discovery rate among people, between 0 and 1.

    Returns:
        One finding per person, ascending.
    """
    if times.empty:
        return []
    logged = np.log(times["seconds"].to_numpy(np.float64))
    usual = np.zeros(len(times))
    for rows in times.groupby(["kind", "platform", "is_bound"]).indices.values():
        usual[rows] = _usual(logged[rows], times["characters"].to_numpy(np.float64)[rows])
    beside = times.assign(rest=logged - usual, usual=np.exp(usual))
    people = beside.groupby("person", as_index=False).agg(
        answers=("rest", "size"), rest=("rest", "median"), spread=("rest", _spread)
    )
    people = people[people["answers"] >= MIN_ANSWERS]
    if len(people) < MIN_PEOPLE:
        return []
    # the standard error of a median is 1.25 times that of a mean
    error = 1.2533 * people["spread"] / np.sqrt(people["answers"])
    centre = float(people["rest"].median())
    between = max(_LEAST_SPREAD, _NORMAL_MAD * float((people["rest"] - centre).abs().median()))
    z = (people["rest"] - centre) / np.sqrt(between**2 + error**2)
    people = people.assign(q=benjamini_hochberg(stats.norm.cdf(z)))
    found = people[(people["q"] <= level) & (people["rest"] <= centre - np.log(FAR))]
    return [_finding(str(row.person), float(row.q), beside) for row in found.itertuples(index=False)]


def _usual(logged: NDArray[np.float64], characters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of the logarithms of times at each length: of ten bins of equally many answers."""
    order = np.argsort(characters, kind="stable")
    bins = max(1, min(_BINS, len(order) // MIN_ANSWERS))
    parts = np.array_split(order, bins)
    middle = np.array([np.median(np.log1p(characters[part])) for part in parts])
    medians = np.array([np.median(logged[part]) for part in parts])
    return np.asarray(np.interp(np.log1p(characters), middle, medians), dtype=np.float64)


def _spread(values: pd.Series) -> float:
    return max(_LEAST_SPREAD, _NORMAL_MAD * float((values - values.median()).abs().median()))


def _finding(person: str, q_value: float, times: pd.DataFrame) -> Finding:
    mine = times[times["person"] == person].sort_values("rest")
    return Finding(
        person,
        FlagReason.TOO_FAST,
        {
            "answers": len(mine),
            "seconds": round(float(mine["seconds"].median()), 1),
            "usual_seconds": round(float(mine["usual"].median()), 1),
            "characters": round(float(mine["characters"].median())),
            "upper_bounds": round(float(mine["is_bound"].mean()), 3),
            "q_value": float(f"{q_value:.3g}"),
            "tasks": mine["task_id"].astype(str).head(MAX_EXAMPLES).tolist(),
        },
        len(mine),
    )
