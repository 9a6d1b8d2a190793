"""Groups of people and the tables they are counted in.

A *cell* names a group: its variables, ascending, each with a value; the empty cell is everybody. A *view* is a set
of variables; the views of declared tables are the tables and all their margins, so that two tables that share a
variable share its figures.
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
    """Return the cell of a view that a person is in."""
    return tuple((variable, attributes[variable]) for variable in view)


def views_of(tables: Iterable[Iterable[str]]) -> list[View]:
    """Return every table and every margin of one, from everybody down; each once, variables ascending."""
    found = {
        part
        for table in tables
        for size in range(len(set(table)) + 1)
        for part in combinations(sorted(set(table)), size)
    }
    return sorted(found, key=lambda view: (len(view), view))


def largest(tables: Iterable[Iterable[str]]) -> list[View]:
    """Return the tables that are no margin of another, variables ascending."""
    views = {tuple(sorted(set(table))) for table in tables}
    return sorted(one for one in views if not any(set(one) < set(other) for other in views))


def count(people: Iterable[Attributes], views: Iterable[View]) -> Counter[Cell]:
    """Count people in every cell of the views; a cell without anybody is not in the result."""
    each = list(views)
    return Counter(cell_of(person, view) for person in people for view in each)


def is_acyclic(tables: Iterable[Iterable[str]]) -> bool:
    """Return whether counts that agree on shared margins always belong to some population.

    Then an attack on the tables is exact with the tables' own cells as unknowns, without their whole product.
    Tables such as (a, b), (b, c), (a, c) form a cycle; (a, b, c) covers them and does not.
    Source: Beeri, Fagin, Maier, Yannakakis (1983), On the desirability of acyclic database schemes (Graham's
    reduction).
    """
    edges = [set(table) for table in largest(tables)]
    while True:
        times = Counter(variable for edge in edges for variable in edge)
        reduced = [{variable for variable in edge if times[variable] > 1} for edge in edges]
        kept = [
            edge
            for place, edge in enumerate(reduced)
            if not any(
                edge < other or (edge == other and place > at)
                for at, other in enumerate(reduced)
                if at != place
            )
        ]
        if kept == edges:
            return len(edges) <= 1
        edges = kept
