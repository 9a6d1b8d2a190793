"""Groups of people (cells) and the tables that count them (views).

A *cell* names a group: its variables, ascending, each with a value; the empty cell is everybody. A *view* is a set
of variables; the views of declared tables are the tables and all their margins, so that two tables with a common
variable have the same counts for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations

Cell = tuple[tuple[str, str], ...]
View = tuple[str, ...]
Attributes = Mapping[str, str]
"""A person's answers on the form, by variable."""

EVERYBODY: Cell = ()


def cell_of(attributes: Attributes, view: View) -> Cell:
    """Return the cell of a view that a person belongs to."""
    return tuple((variable, attributes[variable]) for variable in view)


def views_of(tables: Iterable[Iterable[str]]) -> list[View]:
    """Return the tables and their margins, each once, from the empty view up; variables ascending."""
    views = {
        view
        for table in tables
        for size in range(len(set(table)) + 1)
        for view in combinations(sorted(set(table)), size)
    }
    return sorted(views, key=lambda view: (len(view), view))


def count(people: Iterable[Attributes], views: Iterable[View]) -> Counter[Cell]:
    """Count people in every cell of the views; the result has no empty cells."""
    all_views = list(views)
    return Counter(cell_of(person, view) for person in people for view in all_views)
