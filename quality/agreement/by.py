"""One figure for each part of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.agreement.krippendorff import krippendorff_alpha
from quality.labels import as_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quality.agreement.coefficient import Coefficient
    from quality.labels import AnswerTable

_FIGURES = ("value", "low", "high", "n_items", "n_annotators", "n_labels", "n_pairs", "sentence")


def agreement_by(
    table: AnswerTable,
    by: str | Sequence[str],
    coefficient: Callable[..., Coefficient] = krippendorff_alpha,
    **arguments: object,
) -> pd.DataFrame:
    """Return a figure of agreement per question, kind, language, model, topic, week or whatever is named.

    Args:
        table: columns ``item``, ``annotator``, ``value`` and those named in ``by``. A column of times is
            taken by ISO week, as ``2026-W47``. Rows without an entry form a part of their own.
        by: one column or several.
        coefficient: any of this package's.
        arguments: for the coefficient, such as ``level="ordinal"``.

    Returns:
        One row per part, ascending: the columns ``by``, then ``value``, ``low``, ``high`` (missing where
        undefined), ``n_items``, ``n_annotators``, ``n_labels``, ``n_pairs`` and ``sentence``.

    Raises:
        ValueError: a missing column, or what the coefficient raises.
    """
    names = [by] if isinstance(by, str) else list(by)
    frame = as_frame(table)
    if absent := [name for name in names if name not in frame.columns]:
        raise ValueError(f"the table has no column {', '.join(absent)}")
    keys = [
        iso_weeks(frame[name]) if pd.api.types.is_datetime64_any_dtype(frame[name]) else frame[name]
        for name in names
    ]
    rows = [
        (*key, *(getattr(figure, name) for name in _FIGURES))
        for key, part in frame.groupby(keys, sort=True, dropna=False, observed=True)
        for figure in [coefficient(part, **arguments)]
    ]
    found = pd.DataFrame(rows, columns=[*names, *_FIGURES])
    return found.astype({"value": float, "low": float, "high": float})


def iso_weeks(times: pd.Series[pd.Timestamp]) -> pd.Series[str]:
    """Return the ISO week of each time, such as ``2026-W47``; missing where there is no time."""
    # every day is spelled once: spelling every time takes longer than measuring agreement
    number, days = pd.factorize(times.dt.normalize(), sort=True)
    weeks = pd.Series(pd.DatetimeIndex(days).strftime("%G-W%V"), dtype="object")
    return pd.Series(weeks.reindex(number).to_numpy(), index=times.index, name=times.name)
