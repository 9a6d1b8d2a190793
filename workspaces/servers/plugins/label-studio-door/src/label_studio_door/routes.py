"""Who may use which route, with which methods: the table ``routes.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

ALL = "*"
"""In the column ``methods``: a view that takes every method."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. The owner may use every method.

    Args:
        pattern: the pattern that a request resolves to, as Django writes it.
        methods: the methods that Label Studio's view takes, HEAD and OPTIONS aside; ``*`` for all.
        annotator: the methods open to a member who does not own the organization.
        anyone: the methods open to everybody, signed in or not.
    """

    pattern: str
    methods: frozenset[str]
    annotator: frozenset[str]
    anyone: frozenset[str]


def _read() -> dict[str, Route]:
    routes: dict[str, Route] = {}
    with files("label_studio_door").joinpath("routes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cells = {name: frozenset(row[name].split()) for name in ("methods", "annotator", "anyone")}
            routes[row["pattern"]] = Route(row["pattern"], **cells)
    return routes


ROUTES = _read()
"""The table, by pattern."""
