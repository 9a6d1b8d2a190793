"""SVG drawings, and the scales and ticks of their axes."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from collections.abc import Callable

    Scale = Callable[[float], float]
    """Maps a value to a position in the drawing."""

WIDTH = 720


class Drawing:
    """An SVG image of ``width`` by ``height`` with an alternative text. Every text is escaped."""

    def __init__(self, width: float, height: float, description: str) -> None:
        self._root = Element(
            "svg",
            {
                "viewBox": f"0 0 {_number(width)} {_number(height)}",
                "width": _number(width),
                "role": "img",
                "aria-label": description,
            },
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a line; ``kind`` is its CSS class."""
        places = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
        self._add("line", kind, {name: _number(value) for name, value in places.items()})

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Draw a text; ``anchor`` (start, middle, end) is the point of the text that is placed at ``x``."""
        self._add("text", kind, {"x": _number(x), "y": _number(y), "text-anchor": anchor}).text = text

    def dot(self, x: float, y: float, radius: float, kind: str, tip: str = "") -> None:
        """Draw a dot; ``tip`` is its tooltip."""
        self._add("circle", kind, {"cx": _number(x), "cy": _number(y), "r": _number(radius)}, tip)

    def triangle(self, x: float, y: float, radius: float, kind: str, tip: str = "") -> None:
        """Draw a triangle, so that a marked point differs by shape as well as by colour."""
        corners = ((x, y - radius), (x + radius, y + 0.8 * radius), (x - radius, y + 0.8 * radius))
        points = " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)
        self._add("polygon", kind, {"points": points}, tip)

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, tip: str = "", opacity: float = 1.0
    ) -> None:
        """Draw a rectangle."""
        places = {"x": x, "y": y, "width": width, "height": height, "fill-opacity": opacity}
        self._add("rect", kind, {name: _number(value) for name, value in places.items()}, tip)

    def svg(self) -> str:
        """Return the image as SVG text for an HTML page."""
        return tostring(self._root, encoding="unicode")

    def _add(self, tag: str, kind: str, attributes: dict[str, str], tip: str = "") -> Element:
        element = SubElement(self._root, tag, ({"class": kind} if kind else {}) | attributes)
        if tip:
            SubElement(element, "title").text = tip
        return element


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return the linear scale that maps ``low`` to ``start`` and ``high`` to ``end``."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Return the logarithmic scale that maps ``low`` to ``start`` and ``high`` to ``end``; both are above 0."""
    scale = linear(log10(low), log10(high), start, end)
    return lambda value: scale(log10(value))


def round_ticks(high: float, count: int = 4) -> list[float]:
    """Return round numbers from 0 to at least ``high``, about ``count`` of them besides 0."""
    rough = max(high, 1e-9) / count
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    ticks = [0.0]
    while len(ticks) < 2 or ticks[-1] < high * 0.999:
        ticks.append(ticks[-1] + step)
    return ticks


def even_ticks_of_logarithms(low: float, high: float) -> list[float]:
    """Return numbers such as 1, 2, 5, 10 from at most ``low`` (above 0) to at least ``high``."""
    every = [
        factor * 10.0**power
        for power in range(floor(log10(low)), floor(log10(high)) + 2)
        for factor in (1, 2, 5)
    ]
    first = max(number for number, tick in enumerate(every) if tick <= low * 1.001)
    last = min(number for number, tick in enumerate(every) if tick >= high * 0.999 and number > first)
    return every[first : last + 1]


def signed(text: str) -> str:
    """Return a number with a Unicode minus sign, and without a sign before a zero."""
    return text.lstrip("-") if not text.strip("-0.%") else text.replace("-", "−")


def shortened(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters; a shortened text ends with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
