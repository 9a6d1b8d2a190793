"""Differentially private counts: the data of one person hardly change the distribution of what is published.

Requires OpenDP, the extra ``privacy``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.demographics.tables import cell_of
from workspaces.errors import ConfigurationError
from workspaces.extras import install_command
from workspaces.privacy.declared_tables import check_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quality.demographics.tables import Attributes, Cell, View


def noisy_counts(
    people: Iterable[Attributes], options: Mapping[str, Sequence[str]], tables: Sequence[View], epsilon: float
) -> dict[Cell, int]:
    """Count people in every cell of the tables, empty ones too, and add discrete Laplace noise.

    A person is in one cell of each table: adding or removing a person changes the sum of all counts by the number of
    tables, whatever the person answered. The release as a whole is ``epsilon``-differentially private. A noisy count
    may be negative.

    Raises:
        ConfigurationError: OpenDP is not installed, or the tables have more than 100,000 cells.
    """
    try:
        import opendp.prelude as dp
    except ModuleNotFoundError:
        raise ConfigurationError(f"demographics.epsilon needs OpenDP: {install_command('privacy')}") from None
    from itertools import product

    check_cells(tables, options)
    counts: dict[Cell, int] = {
        tuple(zip(table, values, strict=True)): 0
        for table in tables
        for values in product(*(options[variable] for variable in table))
    }
    for attributes in people:
        for table in tables:
            counts[cell_of(attributes, table)] += 1
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    laplace = dp.m.make_laplace(*space, scale=len(tables) / epsilon)
    return dict(zip(counts, laplace(list(counts.values())), strict=True))
