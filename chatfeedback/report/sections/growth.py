"""Section: answers and points over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Bar, bars
from chatfeedback.report.section import Figure, Section, SectionTable

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

MOST_DAYS, MOST_WEEKS = 45, 60


def section(inputs: ReportInputs) -> Section | None:
    """Return answers and points per day, or per week or month if there are many days."""
    if inputs.answered.empty:
        return None
    answers = inputs.answered.assign(answers=1)
    table = _per_day(answers, "answers").join(_per_day(inputs.earned, "points"), how="outer").fillna(0)
    table = table.asfreq("D", fill_value=0)
    frequency, unit = _unit(len(table))
    grouped = table.resample(frequency, label="left", closed="left").sum().astype("int64")
    figures = []
    for column, title in (("answers", "Answers"), ("points", "Compute Points for answers")):
        amounts = grouped[column].clip(lower=0)
        if amounts.sum():
            rows = [Bar(_name(moment, unit), float(amount)) for moment, amount in amounts.items()]
            description = f"{title} per {unit}: {int(grouped[column].sum()):,} in all."
            figures.append(Figure(bars(rows, description, f"{title} per {unit}"), description))
    daily = table.astype("int64").rename_axis("day").reset_index()
    daily["day"] = daily["day"].dt.strftime("%Y-%m-%d")
    return Section(
        "growth",
        "Growth",
        text=(
            "An answer stands on the day on which it was last changed, points on the day they are for (UTC).",
        ),
        figures=tuple(figures),
        tables=(SectionTable("growth", "Answers and points per day, the newest first.", daily.iloc[::-1]),),
    )


def _per_day(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.groupby(table["at"].dt.floor("D"))[[column]].sum()


def _unit(days: int) -> tuple[str, str]:
    if days <= MOST_DAYS:
        return "D", "day"
    return ("W-MON", "week") if days <= 7 * MOST_WEEKS else ("MS", "month")


def _name(moment: object, unit: str) -> str:
    return pd.Timestamp(str(moment)).strftime({"day": "%d %b", "week": "%d %b %y", "month": "%b %Y"}[unit])
