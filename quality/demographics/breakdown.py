"""Answers and agreement of the groups that may be published, rounded to multiples of 0.05."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quality.demographics.association import Association, association
from quality.demographics.tables import Cell, View, cell_of
from quality.multiple_testing import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from quality.demographics.release import Roster
    from quality.labels import Mirror

STEP = 0.05
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Enough:
    """When answers show nobody: ``k`` people or more gave them, and two of these at most the share ``dominance``."""

    k: int
    dominance: float

    def holds(self, answers: pd.DataFrame) -> bool:
        """Return whether a figure of these answers may be published; column ``annotator``, one row per answer."""
        counts = answers["annotator"].value_counts()
        return len(counts) >= self.k and bool(counts.nlargest(2).sum() <= self.dominance * counts.sum())


def dominated(table: pd.DataFrame, groups: Mapping[Cell, list[str]], limit: float) -> set[Cell]:
    """Return the groups in which two people gave more than ``limit`` of the answers.

    Args:
        table: column ``annotator``, one row per answer.
        groups: the people of each cell.
        limit: a share, 0 to 1.
    """
    rule = Enough(0, limit)
    return {cell for cell, people in groups.items() if not rule.holds(table[table["annotator"].isin(people)])}


def members_of(roster: Roster, views: Iterable[View]) -> dict[Cell, list[str]]:
    """Return the people of every occupied cell of the views."""
    members: dict[Cell, list[str]] = {}
    for view in views:
        for person, member in roster.items():
            members.setdefault(cell_of(member.attributes, view), []).append(person)
    return members


def breakdown(
    table: pd.DataFrame,
    groups: Mapping[Cell, list[str]],
    enough: Enough,
    order: Sequence[str] = (),
    mirror: Mirror | None = None,
) -> dict[Cell, dict[str, JsonValue]]:
    """Describe each group's answers to one question.

    Args:
        table: columns ``item``, ``annotator``, ``value``, with the answers of people of the population only.
        groups: the people of each cell to publish.
        enough: what the answers that an agreement compares have to fulfil, those of the others too. A group of many
            people may have two who answered the same item: their agreement is nobody else's.
        order: the values of an ordinal question, ascending; see ``association``.
        mirror: for a comparison; see ``association``. Both sides then have the same share.

    Returns:
        For each cell: ``answers``, the share of each value, averaged over people, so that every person has the
        same weight; and, for every cell except everybody, ``agreement``: ``in_group``, ``across``, ``ratio`` and
        ``differs`` (significant at 5 %, Benjamini-Hochberg over the groups). Figures are rounded to 0.05; ``None``
        is undefined.
    """
    personal = table.groupby("annotator")["value"].value_counts(normalize=True).unstack().fillna(0.0)
    personal = _exchanged(personal, mirror or {})
    compared = {
        cell: _shown(
            association(table, people, order=order, mirror=mirror),
            *_compared(table[table["value"].isin(order)] if order else table, people),
            enough,
        )
        for cell, people in groups.items()
        if cell
    }
    tested = [cell for cell, group_association in compared.items() if group_association.p_value is not None]
    adjusted = dict(
        zip(tested, benjamini_hochberg([compared[cell].p_value or 0.0 for cell in tested]), strict=True)
    )
    figures: dict[Cell, dict[str, JsonValue]] = {}
    for cell, people in groups.items():
        shares = personal.loc[personal.index.isin(people)].mean()
        figures[cell] = {"answers": {str(value): _rounded(float(share)) for value, share in shares.items()}}
        if cell:
            figures[cell]["agreement"] = _agreement(compared[cell], adjusted.get(cell))
    return figures


def _compared(table: pd.DataFrame, people: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the answers of a group that others of it can be compared with, and those of it and of everybody else where
    both answered."""
    answers = table.drop_duplicates(["item", "annotator"], keep="last")
    is_inside = answers["annotator"].isin(people)
    inside, outside = answers[is_inside], answers[~is_inside]
    several = inside[inside["item"].duplicated(keep=False)]
    return (
        several,
        inside[inside["item"].isin(outside["item"])],
        outside[outside["item"].isin(inside["item"])],
    )


def _shown(
    whole: Association, several: pd.DataFrame, inside: pd.DataFrame, outside: pd.DataFrame, enough: Enough
) -> Association:
    """Return the figures of an association that enough people stand behind."""
    within, across = enough.holds(several), enough.holds(inside) and enough.holds(outside)
    return Association(
        whole.in_group if within else None,
        whole.across if across else None,
        whole.ratio if within and across else None,
        whole.p_value if within and across else None,
        whole.n_items,
    )


def _exchanged(shares: pd.DataFrame, mirror: Mirror) -> pd.DataFrame:
    """Return the shares of values (columns) with the same share for both sides of a comparison."""
    names = list(dict.fromkeys([*shares.columns, *(mirror.get(name, name) for name in shares.columns)]))
    every = shares.reindex(columns=names, fill_value=0.0)
    other = every[[mirror.get(name, name) for name in names]].to_numpy()
    return pd.DataFrame((every.to_numpy() + other) / 2, every.index, every.columns).sort_index(axis=1)


def _agreement(compared: Association, adjusted: float | None) -> dict[str, JsonValue]:
    return {
        "in_group": _rounded(compared.in_group),
        "across": _rounded(compared.across),
        "ratio": _rounded(compared.ratio),
        "differs": None if adjusted is None else bool(adjusted <= SIGNIFICANT),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(round(value / STEP) * STEP, 2) + 0.0
