"""The tables by group of people that a lead declares: which questions they name, and whether they can be published."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError
from workspaces.extras import install_command, is_installed
from workspaces.privacy.demographic_form import demographic_questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.config import DemographicsConfig

BY_QUESTION = "question"
"""In a declared table: also publish what the groups answer, and how far they agree."""

MAX_CELLS = 100_000
"""Of all declared tables together, where each gets noise."""


def declared(config: DemographicsConfig) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the variables of all declared tables, and of the tables that include ``BY_QUESTION``.

    Raises:
        ConfigurationError: a table names a question that the form does not ask.
    """
    known = demographic_questions(config)
    tables: set[tuple[str, ...]] = set()
    answered: set[tuple[str, ...]] = set()
    for table in config.tables:
        if unknown := [name for name in table if name not in known and name != BY_QUESTION]:
            raise ConfigurationError(
                f"demographics.tables names {unknown[0]!r}; the form asks for {', '.join(known)}, and "
                f"'{BY_QUESTION}' adds what the groups answer"
            )
        variables = tuple(sorted(set(table) - {BY_QUESTION}))
        tables.add(variables)
        if BY_QUESTION in table:
            answered.add(variables)
    return sorted(tables), sorted(answered)


def check_tables(config: DemographicsConfig, earlier: Iterable[Iterable[str]]) -> None:
    """Check that the declared tables can be published.

    Args:
        config: declares them.
        earlier: tables that were published before.

    Raises:
        ConfigurationError: a table names an unknown question; the tables, with the earlier ones, form a cycle; or
            noise needs an optional part, or smaller tables.
    """
    tables, _ = declared(config)
    if config.epsilon is None:
        if not is_acyclic([*tables, *earlier]):
            raise ConfigurationError(
                "demographics.tables: the declared tables, with those published before, form a cycle, such as [a, b], "
                "[b, c], [a, c]: declare one table with all of these variables instead, or leave one out"
            )
        return
    if not is_installed("opendp"):
        raise ConfigurationError(f"demographics.epsilon needs OpenDP: {install_command('privacy')}")
    options = {name: question.options for name, question in demographic_questions(config).items()}
    check_cells(tables, options)


def check_cells(tables: Iterable[Iterable[str]], options: Mapping[str, Sequence[str]]) -> None:
    """Raise ``ConfigurationError`` if tables have more cells than can be counted with noise."""
    if sum(prod(len(options[variable]) for variable in table) for table in tables) > MAX_CELLS:
        raise ConfigurationError(
            f"the tables of demographics.tables have more than {MAX_CELLS:,} cells: declare smaller ones"
        )


def largest(tables: Iterable[Iterable[str]]) -> list[tuple[str, ...]]:
    """Return the tables that are not margins of another table, variables ascending."""
    views = {tuple(sorted(set(table))) for table in tables}
    return sorted(view for view in views if not any(set(view) < set(table) for table in views))


def is_acyclic(tables: Iterable[Iterable[str]]) -> bool:
    """Return whether counts that agree on common margins are always those of some population.

    If so, an audit of the tables is exact with the tables' own cells as unknowns instead of the product of all
    variables. Tables such as (a, b), (b, c), (a, c) form a cycle; the table (a, b, c), which covers them, does not.
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
                edge < cover or (edge == cover and place > number)
                for number, cover in enumerate(reduced)
                if number != place
            )
        ]
        if kept == edges:
            return len(edges) <= 1
        edges = kept
