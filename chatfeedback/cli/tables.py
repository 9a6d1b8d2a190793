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
    cells = [[column.heading, *(row[place] for row in rows)] for place, column in enumerate(columns)]
    least = [max(map(_longest_word, each)) for each in cells]
    full = [max(map(_longest_line, each)) for each in cells]
    framed = width - FRAME * len(columns) - 1
    if sum(least) <= framed:
        yield _table(columns, rows, _shared(least, full, framed), is_framed=True)
        return
    plain = width - GAP * (len(columns) - 1)
    if sum(least) <= plain:
        yield _table(columns, rows, _shared(least, full, plain), is_framed=False)
    else:
        last = max(range(len(columns)), key=lambda place: least[place])
        order = [*(place for place in range(len(columns)) if place != last), last]
        columns, least, full = ([each[place] for place in order] for each in (columns, least, full))
        rows = [[row[place] for place in order] for row in rows]
        room = max(sum(least[:-1]), min(sum(full[:-1]), plain // 2))
        widths = [*_shared(least[:-1], full[:-1], room), full[-1]]
        yield from _lines(_table(columns, rows, widths, is_framed=False), sum(widths) + GAP * len(widths))


def _shared(least: Sequence[int], full: Sequence[int], room: int) -> list[int]:
    """Return widths between the least and the full ones that fill the room: the columns that need little come first."""
    widths = list(least)
    left = room - sum(least)
    open_columns = sorted(range(len(widths)), key=lambda place: full[place] - least[place])
    for done, place in enumerate(open_columns):
        more = min(full[place] - least[place], left // (len(open_columns) - done))
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
