"""The widths of a table: columns fold between words, and no word is broken, so that ids and addresses can be copied.

Where the words of all columns do not fit beside each other, first the frame goes; then the column with the longest word
stands last and is not folded, and its lines may be longer than the screen. Words of scripts without spaces fold.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FRAME = 3
"""Characters of a framed table beside each column, and one more."""
GAP = 2
"""Characters between the columns of a table without a frame."""


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column, and whether it holds numbers, which are aligned to the right."""

    heading: str
    numeric: bool = False


def rendered(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Iterator[Table | Text]:
    """Yield a table that fits into a number of characters as far as its words do.

    Args:
        columns: the columns.
        rows: their cells, as they are shown.
        width: of the screen, in characters.
    """
    sizes = [_Size.of(column.heading, [row[place] for row in rows]) for place, column in enumerate(columns)]
    needed = sum(size.least for size in sizes)
    framed = width - FRAME * len(columns) - 1
    plain = width - GAP * (len(columns) - 1)
    if needed <= framed:
        yield _table(columns, rows, _shared(sizes, framed), is_framed=True)
    elif needed <= plain:
        yield _table(columns, rows, _shared(sizes, plain), is_framed=False)
    else:
        last = max(range(len(columns)), key=lambda place: sizes[place].least)
        order = [*(place for place in range(len(columns)) if place != last), last]
        before, widest = [sizes[place] for place in order[:-1]], sizes[last].full
        widths = [*_shared(before, max(plain // 2, sum(size.least for size in before))), widest]
        ordered = [[row[place] for place in order] for row in rows]
        table = _table([columns[place] for place in order], ordered, widths, is_framed=False)
        yield from _lines(table, sum(widths) + GAP * len(widths))


@dataclass(frozen=True, slots=True)
class _Size:
    """Widths of a column: of its longest word, of that or its longest cell, and of its heading as well."""

    least: int
    cells: int
    full: int

    @classmethod
    def of(cls, heading: str, cells: Sequence[str]) -> _Size:
        """Measure a column."""
        least = max(map(_longest_word, [heading, *cells]))
        longest = max([least, *map(_longest_line, cells)])
        return cls(least, longest, max(longest, _longest_line(heading)))


def _shared(sizes: Sequence[_Size], room: int) -> list[int]:
    """Return widths that fill the room: first all words, then whole cells and then whole headings, short ones first."""
    widths = [size.least for size in sizes]
    for wanted in ([size.cells for size in sizes], [size.full for size in sizes]):
        left = room - sum(widths)
        by_need = sorted(range(len(widths)), key=lambda place: wanted[place] - widths[place])
        for done, place in enumerate(by_need):
            more = min(wanted[place] - widths[place], left // (len(by_need) - done))
            widths[place] += more
            left -= more
    return widths


def _table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], widths: Sequence[int], *, is_framed: bool
) -> Table:
    if is_framed:
        table = Table(header_style="bold")
    else:
        table = Table(header_style="bold", box=None, show_edge=False, pad_edge=False, padding=(0, GAP, 0, 0))
    for column, width in zip(columns, widths, strict=True):
        justify = "right" if column.numeric else "left"
        table.add_column(Text(column.heading), justify=justify, overflow="fold", width=width)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _lines(table: Table, width: int) -> Iterator[Text]:
    """Yield the lines of a table that is wider than the screen, without blanks at their ends."""
    console = Console(width=width, file=StringIO(), highlight=False, color_system=None)
    console.print(table)
    yield from (Text(line.rstrip()) for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def _longest_word(text: str) -> int:
    """Return the width of the longest word that may not be broken."""
    words = (word for word in text.split() if not any(map(_needs_no_blanks, word)))
    widest = max((cell_len(character) for character in text), default=1)
    return max(chain((widest,), map(cell_len, words)))


def _needs_no_blanks(character: str) -> bool:
    """Return whether a character is of a script that may be written without spaces, such as Chinese or Thai."""
    return unicodedata.category(character) == "Lo"


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.split("\n")))
