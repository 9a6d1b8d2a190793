"""What the groups that may be shown answer, and how far they agree; nothing finer than 5 of 100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.demographics.association import Association, association
from quality.demographics.tables import Cell, View, cell_of
from quality.multiple_testing import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from pydantic import JsonValue

    from quality.demographics.release import Roster

STEP = 0.05
SIGNIFICANT = 0.05


def dominated(table: pd.DataFrame, groups: Mapping[Cell, list[str]], limit: float) -> set[Cell]:
    """Return the groups of which two people gave more than ``limit`` of the answers.

    Args:
        table: column ``annotator``, one row per answer.
        groups: the people of each cell.
        limit: a share, 0 to 1.
    """
    given = table["annotator"].value_counts()
    found = set()
    for cell, people in groups.items():
        counts = given.reindex(people).fillna(0)
        if counts.nlargest(2).sum() > limit * counts.sum():
            found.add(cell)
    return found


def members_of(roster: Roster, views: Iterable[View]) -> dict[Cell, list[str]]:
    """Return the people of every occupied cell of the views."""
    found: dict[Cell, list[str]] = {}
    for view in views:
        for person, member in roster.items():
            found.setdefault(cell_of(member.attributes, view), []).append(person)
    return found


def breakdown(
    table: pd.DataFrame, groups: Mapping[Cell, list[str]], order: Sequence[str] = ()
) -> dict[Cell, dict[str, JsonValue]]:
    """Describe each group's answers to one question.

    Args:
        table: columns ``item``, ``annotator``, ``value``, of the people of the population alone.
        groups: the people of each cell to publish.
        order: the values of an ordinal question, ascending; see ``association``.

    Returns:
        For each cell: ``answers``, the share of each value, every person counting alike, however much they
        answered; and, but for everybody, ``agreement``: ``in_group``, ``across``, ``ratio`` and ``differs``
        (significant at 5 %, Benjamini-Hochberg over the groups). Figures are rounded to 0.05; ``None`` is
        undefined.
    """
    personal = table.groupby("annotator")["value"].value_counts(normalize=True).unstack().fillna(0.0)
    compared = {cell: association(table, people, order=order) for cell, people in groups.items() if cell}
    tested = [cell for cell, one in compared.items() if one.p_value is not None]
    adjusted = dict(
        zip(tested, benjamini_hochberg([compared[cell].p_value or 0.0 for cell in tested]), strict=True)
    )
    found: dict[Cell, dict[str, JsonValue]] = {}
    for cell, people in groups.items():
        shares = personal.loc[personal.index.isin(people)].mean()
        found[cell] = {"answers": {str(value): _rounded(float(share)) for value, share in shares.items()}}
        if cell:
            found[cell]["agreement"] = _agreement(compared[cell], adjusted.get(cell))
    return found


def _agreement(one: Association, adjusted: float | None) -> dict[str, JsonValue]:
    return {
        "in_group": _rounded(one.in_group),
        "across": _rounded(one.across),
        "ratio": _rounded(one.ratio),
        "differs": None if adjusted is None else bool(adjusted <= SIGNIFICANT),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(round(value / STEP) * STEP, 2) + 0.0
