"""Suppression: which counts of one population may be published.

Groups below k, and those that few people dominate, are suppressed; then, where the suppressed rest of a line would be
less than k, its smallest published group (complementary suppression); then further groups until an audit of all tables
and margins together finds no unprotected count.
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
    """Return the cells of the tables and their margins that may be published together.

    Args:
        options: every value of each variable.
        tables: declared tables; acyclic.
        counts: people in each occupied cell of every view of the tables.
        k: the smallest number of people in a published group.
        withheld: cells to suppress whatever their count.
        hide_first: cells to suppress first when another one must be suppressed, such as those not published before.

    Returns:
        The published cells. Each has at least k people, and no suppressed count below k (0 included) can be inferred,
        or bounded below k, from the exact counts of all published cells.
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
    """Return the published groups of every line whose suppressed rest (the published margin less them) is below k.

    A line is the groups of a cell by one more variable. A line without suppressed groups, or without published ones, is
    not short.
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
    """Return the published groups in line with a target; if there are none, its margins; if none, all groups."""
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
