"""Plots of values with their intervals, one per row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.report.plots.drawing import WIDTH, Drawing, linear, shortened, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEFT, RIGHT, TOP, ROW, GAP = 160, 170, 26, 26, 12
LONGEST_LABEL = 22
"""The most characters of a row's label; the tooltip shows the whole label."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A row of the plot.

    If ``value`` is missing, ``note`` gives the reason; the interval may be missing too. ``group`` is the heading.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    group: str = ""
    marked: bool = False


def known(value: float) -> float | None:
    """Return a value of a table; ``None`` if it is missing (NaN)."""
    return None if value != value else float(value)


def intervals(
    rows: Sequence[Interval],
    description: str,
    *,
    ticks: Sequence[float],
    lines: Mapping[float, str] | None = None,
    percent: bool = False,
) -> str:
    """Return a plot of values with whiskers.

    Args:
        rows: in order; a heading is drawn where the group changes.
        description: alternative text of the plot.
        ticks: ticks of the axis, lowest first; the axis ends at the first and the last, and whiskers are cut there.
        lines: positions on the axis of vertical lines, with their labels.
        percent: whether values are shares, or differences of shares.
    """
    groups = sum(
        row.group != before for row, before in zip(rows, ["", *(r.group for r in rows)], strict=False)
    )
    height = TOP + len(rows) * ROW + groups * (ROW + GAP) + 30
    drawing = Drawing(WIDTH, height, description)
    low, high = ticks[0], ticks[-1]
    x = linear(low, high, LEFT, WIDTH - RIGHT)
    bottom = height - 24
    for tick in ticks:
        drawing.line(x(tick), TOP, x(tick), bottom, "grid")
        drawing.text(
            x(tick), bottom + 16, signed(f"{tick:.0%}" if percent else f"{tick:g}"), "tick", "middle"
        )
    named = lines or {}
    for place, name in named.items():
        drawing.line(x(place), TOP - 4, x(place), bottom, "mark")
        side = "middle" if len(named) == 1 else "end" if place == min(named) else "start"
        drawing.text(x(place), TOP - 10, name, "tick", side)
    y, group = float(TOP), ""
    for row in rows:
        if row.group != group:
            group = row.group
            y += ROW + GAP
            drawing.text(0, y - 8, group, "group")
        middle = y + ROW / 2
        drawing.text(12 if group else 0, middle + 4, shortened(row.label, LONGEST_LABEL), "label")
        _draw(drawing, row, middle, lambda value: x(min(max(value, low), high)), percent=percent)
        y += ROW
    return drawing.svg()


def _draw(drawing: Drawing, row: Interval, y: float, x: _Place, *, percent: bool) -> None:
    if row.value is None:
        drawing.text(WIDTH - RIGHT + 14, y + 4, row.note or "not known", "tick")
        return
    style = " warn" if row.marked else ""
    label = _figure(row.value, percent=percent)
    if row.low is not None and row.high is not None:
        drawing.line(x(row.low), y, x(row.high), y, f"whisker{style}")
        label += f"  ({_figure(row.low, percent=percent)} to {_figure(row.high, percent=percent)})"
    tip = f"{row.label}: {label}"
    (drawing.triangle if row.marked else drawing.dot)(x(row.value), y, 5, f"point{style}", tip)
    drawing.text(WIDTH - RIGHT + 14, y + 4, label, "figure")


def _figure(value: float, *, percent: bool) -> str:
    return signed(f"{value:.0%}" if percent else f"{value:.2f}")


if TYPE_CHECKING:
    from collections.abc import Callable

    _Place = Callable[[float], float]
