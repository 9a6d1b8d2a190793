"""Scatter plots with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.report.plots.drawing import WIDTH, Drawing, even_ticks_of_logarithms, linear, logarithmic

if TYPE_CHECKING:
    from collections.abc import Sequence

LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 52, 20, 24, 340, 46
MOST_WHISKERS = 60
"""With more dots than this, intervals are not drawn, because they would cover each other."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A dot with the interval of its ``y``; a marked dot is drawn as a triangle."""

    x: float
    y: float
    low: float
    high: float
    tip: str
    marked: bool = False


def scatter(dots: Sequence[Dot], description: str, x_title: str, y_title: str) -> str:
    """Return a plot of dots: ``x`` (1 or more) on a logarithmic axis, ``y`` from 0 to 1."""
    drawing = Drawing(WIDTH, HEIGHT, description)
    amounts = [dot.x for dot in dots] or [1.0]
    ticks = even_ticks_of_logarithms(min(amounts), max(amounts))
    x = logarithmic(ticks[0], ticks[-1], LEFT + 16, WIDTH - RIGHT - 16)
    y = linear(0, 1, HEIGHT - BOTTOM, TOP)
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
        drawing.line(LEFT, y(share), WIDTH - RIGHT, y(share), "grid")
        drawing.text(LEFT - 8, y(share) + 4, f"{share:.1f}", "tick", "end")
    for tick in ticks:
        drawing.line(x(tick), HEIGHT - BOTTOM, x(tick), HEIGHT - BOTTOM + 5, "axis")
        drawing.text(x(tick), HEIGHT - BOTTOM + 19, f"{tick:,.0f}", "tick", "middle")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_title, "title", "middle")
    drawing.text(0, 12, y_title, "title")
    if len(dots) <= MOST_WHISKERS:
        for dot in dots:
            drawing.line(
                x(dot.x), y(dot.low), x(dot.x), y(dot.high), "whisker thin" + (" warn" if dot.marked else "")
            )
    for dot in sorted(dots, key=lambda dot: dot.marked):
        shape = drawing.triangle if dot.marked else drawing.dot
        shape(x(dot.x), y(dot.y), 5.5, "point" + (" warn" if dot.marked else ""), dot.tip)
    return drawing.svg()
