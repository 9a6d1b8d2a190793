"""Bar charts of amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.report.plots.drawing import WIDTH, Drawing, linear, round_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 62, 8, 26, 220, 28
WIDEST = 46
CHARACTER = 7
"""The width of a character of a name, as it is in the fonts of most systems."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An amount, 0 or more, and its label on the axis."""

    name: str
    amount: float


def bars(rows: Sequence[Bar], description: str, title: str) -> str:
    """Return a bar chart of at least one row, in order from left to right."""
    drawing = Drawing(WIDTH, HEIGHT, description)
    ticks = round_ticks(max(row.amount for row in rows))
    y = linear(0, ticks[-1], HEIGHT - BOTTOM, TOP)
    for tick in ticks:
        drawing.line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid" if tick else "axis")
        drawing.text(LEFT - 8, y(tick) + 4, f"{tick:,.10g}", "tick", "end")
    drawing.text(0, 12, title, "title")
    step = (WIDTH - RIGHT - LEFT) / len(rows)
    width = min(step * 0.78, WIDEST)
    names = (WIDTH - RIGHT - LEFT) // (CHARACTER * (max(len(row.name) for row in rows) + 2))
    every = -(-len(rows) // max(names, 1))
    for place, row in enumerate(rows):
        middle = LEFT + (place + 0.5) * step
        tip = f"{row.name}: {row.amount:,.10g}"
        drawing.box(middle - width / 2, y(row.amount), width, y(0) - y(row.amount), "bar", tip)
        if place % every == 0:
            drawing.text(middle, HEIGHT - BOTTOM + 18, row.name, "tick", "middle")
    return drawing.svg()
