"""Krippendorff's alpha at the level of measurement that a question declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.agreement.krippendorff import krippendorff_alpha
from workspaces.kinds import Scale

if TYPE_CHECKING:
    import pandas as pd

    from quality.agreement.coefficient import Coefficient
    from quality.labels import Mirror
    from workspaces.kinds import ChoiceQuestion


def own_level_alpha(table: pd.DataFrame, question: ChoiceQuestion) -> Coefficient:
    """Return alpha of the votes on one question, at its own level.

    Nominal: all values, not applicable among them, are categories. Ordinal and interval: the values that apply, in
    the declared order or as numbers; other votes count as missing.

    Args:
        table: columns ``item``, ``annotator``, ``value``.
        question: the question.
    """
    mirror = question.mirror
    if question.scale is Scale.NOMINAL:
        return krippendorff_alpha(table, mirror=mirror)
    applies = table[table["value"].isin(question.order)]
    if question.scale is Scale.ORDINAL:
        return krippendorff_alpha(applies, "ordinal", question.order, mirror=mirror)
    numbers: Mirror | None = None
    if mirror is not None:
        numbers = {float(it): float(str(mirror.get(it, it))) for it in question.order}
    return krippendorff_alpha(
        applies.assign(value=applies["value"].astype(str).astype(float)), "interval", mirror=numbers
    )
