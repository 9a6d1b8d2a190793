"""Which counts of one population may be published.

Groups below k, and those that few people dominate, are hidden; then, where the rest of a line would be less than k,
its smallest published group too (complementary suppression); then whatever else an attack on all tables and margins
together still needs hidden.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from quality.demographics.audit import REST, Audit, Target, World
from quality.demographics.tables import Cell, View, views_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def publishable(
    options: Mapping[str, Sequence[str]],
    tables: Sequence[View],
    counts: Mapping[Cell, int],
    k: int,
    withheld: Collection[Cell] = (),
    hide_first: Collection[Cell] = (),
) -> frozenset[Cell]:
    """Return the cells, of the tables and their margins, that may be published together.

    Args:
        options: every value of each variable.
        tables: declared tables; acyclic.
        counts: people in each occupied cell of every view of the tables.
        k: the fewest people of a published group.
        withheld: cells to hide whatever their count.
        hide_first: cells to prefer when another has to be hidden, such as those not published before.

    Returns:
        Each published cell has at least k people, and no hidden count below k (zero included) can be worked out,
        or bounded below k, from the exact counts of all published ones.
    """
    hidden = set(withheld)
    published = {cell for cell, n in counts.items() if n >= k and cell not in hidden}
    eager = set(hide_first)

    def rank(cell: Cell) -> tuple[bool, int, Cell]:
        return cell not in eager, counts[cell], cell

    while short := _short_lines(options, tables, counts, published, k):
        published -= {min(line, key=rank) for line in short}
    while published:
        audit = Audit(options, tables, [World(counts, frozenset(published))], k)
        target = next(audit.unprotected(), None)
        if target is None:
            break
        published.remove(min(_candidates(target, published), key=rank))
    return frozenset(published)


def _short_lines(
    options: Mapping[str, Sequence[str]],
    tables: Sequence[View],
    counts: Mapping[Cell, int],
    published: set[Cell],
    k: int,
) -> list[list[Cell]]:
    """Return the published groups of every line whose hidden rest, a published margin less them, is below k.

    A line is a cell's groups by one more variable. One with nothing hidden, or nothing published, is not short.
    """
    lines: dict[tuple[Cell, str], list[Cell]] = defaultdict(list)
    for cell in published:
        for place, (variable, _) in enumerate(cell):
            lines[cell[:place] + cell[place + 1 :], variable].append(cell)
    views = set(views_of(tables))
    return [
        cells
        for (margin, variable), cells in sorted(lines.items())
        if margin in published and tuple(sorted({variable, *(name for name, _ in margin)})) in views
        if len(cells) < len(options[variable])
        if counts[margin] - sum(counts[cell] for cell in cells) < k
    ]


def _candidates(target: Target, published: set[Cell]) -> list[Cell]:
    """Return the published groups in line with a target; without any, its margins; without any, all."""
    wanted = set(target.cell)
    names = {name for name, _ in target.cell}
    beside = [
        cell
        for cell in published
        if len(cell) == len(target.cell)
        and {name for name, _ in cell} == names
        and len(wanted - set(cell)) <= max(1, sum(value == REST for _, value in wanted))
    ]
    return beside or [cell for cell in published if set(cell) < wanted] or list(published)
