"""The charts of the lead's page: SVG text made here, as the report's; it escapes what it draws."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.report.plots import Bar, Interval, bars, intervals
from quality.agreement.krippendorff import RELIABLE, TENTATIVE
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from workspaces.store.agreements import QuestionAgreement

HOURS = 48
DAYS = 30
QUESTIONS = 8
"""Questions in the plot of agreement; the table has all."""


def hourly(hours: Mapping[datetime, int], now: datetime) -> str | None:
    """Return answers per hour of the last hours; None without any."""
    last = now.replace(minute=0, second=0, microsecond=0)
    shown = [last - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    amounts = [hours.get(hour, 0) for hour in shown]
    if not any(amounts):
        return None
    rows = [Bar(f"{hour:%d %b %H:00}", float(amount)) for hour, amount in zip(shown, amounts, strict=True)]
    description = f"Answers per hour (UTC), the last {HOURS} hours: {sum(amounts):,} in all."
    return bars(rows, description, "Answers per hour")


def daily(issued: Mapping[date, Mapping[str, int]]) -> str | None:
    """Return points issued by day, the last days with work; None without any."""
    shown = list(issued.items())[-DAYS:]
    amounts = [max(0, sum(kinds.values())) for _, kinds in shown]
    if not any(amounts):
        return None
    rows = [Bar(f"{day:%d %b}", float(amount)) for (day, _), amount in zip(shown, amounts, strict=True)]
    description = f"Points issued on the last {counted(len(rows), 'day')} with work: {sum(amounts):,} in all."
    return bars(rows, description, "Points per day")


def agreement(history: Sequence[QuestionAgreement]) -> str | None:
    """Return alpha with its interval in every report that changed it, question by question; None without any."""
    by_question: dict[tuple[str, str], list[QuestionAgreement]] = {}
    for each in history:
        by_question.setdefault((each.kind, each.question), []).append(each)
    lowest = sorted(by_question.values(), key=lambda them: (them[-1].alpha is None, them[-1].alpha or 0.0))[
        :QUESTIONS
    ]
    rows = [
        Interval(
            f"{each.snapshot_at:%Y-%m-%d %H:%M}",
            each.alpha,
            each.low,
            each.high,
            note="undefined",
            group=f"{each.kind}: {each.question}",
            marked=each.alpha is not None and each.alpha < TENTATIVE,
        )
        for them in lowest
        for each in them
    ]
    if not rows:
        return None
    bounds = [bound for row in rows for bound in (row.low, row.value) if bound is not None]
    ticks = [-1, -0.5, 0, 0.5, 1] if min(bounds, default=0.0) < -0.2 else [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]
    description = (
        "Krippendorff's alpha with its 95 % interval in the last reports, by question, the lowest first."
    )
    lines = {TENTATIVE: "tentative", RELIABLE: "reliable"}
    return intervals(rows, description, ticks=ticks, lines=lines)
