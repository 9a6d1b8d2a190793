"""A coefficient of agreement for each group of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.agreement.krippendorff import krippendorff_alpha
from quality.answer_table import as_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quality.agreement.coefficient import Coefficient
    from quality.answer_table import AnswerTable

_FIGURES = ("value", "low", "high", "n_items", "n_annotators", "n_labels", "n_pairs", "sentence")


def agreement_by(
    table: AnswerTable,
    by: str | Sequence[str],
    coefficient: Callable[..., Coefficient] = krippendorff_alpha,
    **arguments: object,
) -> pd.DataFrame:
    """Return a coefficient of agreement per question, kind, language, model, topic, week or other columns.

    Args:
        table: columns ``item``, ``annotator``, ``value`` and those named in ``by``. A column of times is
            grouped by ISO week, as ``2026-W47``. Rows with a missing entry form a group of their own.
        by: one column or several.
        coefficient: any coefficient of this package.
        arguments: keyword arguments of the coefficient, such as ``level="ordinal"``.

    Returns:
        One row per group, ascending: the columns ``by``, then ``value``, ``low``, ``high`` (missing where
        undefined), ``n_items``, ``n_annotators``, ``n_labels``, ``n_pairs`` and ``sentence``.

    Raises:
        ValueError: a missing column, or an error of the coefficient.
    """
    names = [by] if isinstance(by, str) else list(by)
    frame = as_frame(table)
    as_frame(frame, names)
    keys = [
        iso_weeks(frame[name]) if pd.api.types.is_datetime64_any_dtype(frame[name]) else frame[name]
        for name in names
    ]
    rows = [
        (*key, *(getattr(figure, name) for name in _FIGURES))
        for key, group in frame.groupby(keys, sort=True, dropna=False, observed=True)
        for figure in [coefficient(group, **arguments)]
    ]
    groups = pd.DataFrame(rows, columns=[*names, *_FIGURES])
    return groups.astype({"value": float, "low": float, "high": float})


def iso_weeks(times: pd.Series[pd.Timestamp]) -> pd.Series[str]:
    """Return the ISO week of each time, such as ``2026-W47``; missing where the time is missing."""
    # every distinct day is formatted once: formatting every time takes longer than the coefficients
    number, days = pd.factorize(times.dt.normalize(), sort=True)
    weeks = pd.Series(pd.DatetimeIndex(days).strftime("%G-W%V"), dtype="object")
    return pd.Series(weeks.reindex(number).to_numpy(), index=times.index, name=times.name)
