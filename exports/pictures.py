"""Pictures of an export for its card: columns that compare counts, as SVG text that needs nothing else."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, MARGIN, LINE = 640, 260, 12, 18
"""Of a picture, in pixels; ``LINE`` is the height of a line of text."""
COLOURS = ("#2a6f97", "#e09f3e")
"""Blue and ochre: colour-blind people tell them apart, on white and on black."""
INK = "#767676"
"""A grey of at least 4.5 to 1 on white and on black."""
AGREEMENT = {"up to 1/2": 0.5, "up to 2/3": 2 / 3, "up to 3/4": 0.75, "below 1": 1.0, "1": 2.0}
"""Ranges of the share of the most frequent answer, and their ends: all but the last two hold theirs."""
LENGTHS = (100, 300, 1_000, 3_000, 10_000)
"""Ends of ranges of lengths, in characters."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG file of a card, and what it shows in one sentence, for who cannot see it."""

    caption: str
    svg: str


def picture_of_agreement(shares: Mapping[float, int], what: str) -> Picture:
    """Return how many items there are by the share of their most frequent answer; ``what`` is their plural.

    ``shares`` has the number of items with each share.
    """
    counts = dict.fromkeys(AGREEMENT, 0)
    for share, items in shares.items():
        counts[next(name for name, end in AGREEMENT.items() if _is_within(share, end))] += items
    return columns(f"{what.capitalize()} by agreement, the share of the most frequent answer", {what: counts})


def _is_within(share: float, end: float) -> bool:
    return share < end if end >= 1 else share <= end + 1e-9


def picture_of_lengths(lengths: Mapping[str, Mapping[int, int]], caption: str) -> Picture:
    """Return how many texts of each series there are by length in characters, from the number of each length."""
    names = [f"< {end:,}" for end in LENGTHS] + [f"{LENGTHS[-1]:,} +"]
    series = {}
    for name, given in lengths.items():
        counts = dict.fromkeys(names, 0)
        for length, texts in given.items():
            counts[names[bisect_right(LENGTHS, length)]] += texts
        series[name] = counts
    return columns(f"{caption}, by length in characters", series)


def columns(caption: str, series: Mapping[str, Mapping[str, int]]) -> Picture:
    """Return a picture with a column for each count, those of one name side by side.

    Args:
        caption: what it shows.
        series: counts by name, of one series or two; all have the same names.
    """
    names = list(next(iter(series.values())))
    most = max((count for counts in series.values() for count in counts.values()), default=0) or 1
    top, bottom = MARGIN + 3 * LINE, HEIGHT - MARGIN - LINE
    place = (WIDTH - 2 * MARGIN) / len(names)
    width, gap = place * 0.8 / len(series), place * 0.8 / len(series) * 0.06
    drawn = [_line(MARGIN, MARGIN + 10, caption)]
    for at, name in enumerate(names):
        left = MARGIN + at * place
        drawn.append(_word(left + place / 2, HEIGHT - MARGIN, name))
        for number, (of, counts) in enumerate(series.items()):
            x = left + place * 0.1 + number * width + gap / 2
            y = bottom - (bottom - top) * counts[name] / most
            title = f"{of}, {name}: {counts[name]:,}"
            drawn += [
                _column(x, y, width - gap, bottom - y, COLOURS[number], title),
                _word(x + (width - gap) / 2, y - 4, f"{counts[name]:,}"),
            ]
    return Picture(caption, _svg(caption, [*_legend([*series] if len(series) > 1 else []), *drawn]))


def _legend(names: Sequence[str]) -> list[str]:
    places = [(MARGIN + 160 * number, name, COLOURS[number]) for number, name in enumerate(names)]
    return [
        (
            f'<rect x="{x}" y="{MARGIN + LINE}" width="10" height="10" fill="{colour}"/>'
            + _line(x + 16, MARGIN + LINE + 10, name)
        )
        for x, name, colour in places
    ]


def _column(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _line(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}">{escape(text)}</text>'


def _word(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{INK}">{escape(text)}</text>'


def _svg(caption: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12"><title>{escape(caption)}</title>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )
