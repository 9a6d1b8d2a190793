"""Group association: whether people of a group agree more with each other than with everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from quality.agreement.expected import summed_distance
from quality.labels import CodedLabels, check_symmetric, margin

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from quality.labels import Mirror

_AT_ONCE = 32
_TIE = 1e-12


@dataclass(frozen=True, slots=True)
class Association:
    """Agreement in a group, agreement with everybody else, and a test of their difference.

    ``in_group`` is Krippendorff's alpha among the group's people, ``across`` the cross-replication reliability of
    the group and everybody else, ``ratio`` (the group association index) the first over the second: above 1, the
    group agrees more with itself than with others. Each is ``None`` where it is undefined: no item with two answers
    of the people compared, or no variation; the ratio also where ``across`` is not above 0. ``p_value`` is that of the
    difference of the two, by a permutation test over people. ``n_items`` counts items with two or more answers of the
    group.
    """

    in_group: float | None
    across: float | None
    ratio: float | None
    p_value: float | None
    n_items: int


def association(
    table: pd.DataFrame,
    group: Collection[str],
    permutations: int = 499,
    seed: int = 0,
    *,
    order: Sequence[str] = (),
    mirror: Mirror | None = None,
) -> Association:
    """Compare the agreement in a group with that between the group and everybody else, on one question.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the last row
            of an (item, annotator) counts.
        group: the annotators of the group; all others of the table are 'everybody else'.
        permutations: number of random assignments of people to the group; the smallest p-value is 1 / (permutations +
            1).
        seed: seed of the permutations.
        order: the values of an ordinal question, ascending: the distance of neighbours is one step. Without it the
            distance is nominal. Answers that are not in ``order`` (not applicable) are left out.
        mirror: for a comparison, what each value becomes when its two sides change places; by chance both are then
            equally frequent.

    Returns:
        The association. All of its figures are ``None`` if there are no answers, or if nobody or everybody is in the
        group.

    Source: Krippendorff (2011) for alpha; Wong, Paritosh, Aroyo (2021), Cross-replication Reliability, for xRR, its
    form with missing answers (items weigh as much as they have answers); Prabhakaran et al. (2023), GRASP, arXiv
    2311.05074, for the ratio and for permuting people.
    """
    labels = CodedLabels.of(table[table["value"].isin(order)] if order else table, mirror=mirror)
    n_items, n_values, n_people = len(labels.items), len(labels.values), len(labels.annotators)
    member = labels.annotators.isin(list(group))
    if n_items == 0 or not member.any() or member.all():
        return Association(None, None, None, None, 0)
    distance = _distance(labels.values, order)
    check_symmetric(distance, labels.mirror)
    cells = sparse.csr_array(
        (np.ones(len(labels.value)), (labels.item * n_values + labels.value, labels.annotator)),
        shape=(n_items * n_values, n_people),
    )
    everyone = labels.item_counts().astype(np.float64)

    def compared(groups: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return in-group alpha and xRR of each column of ``groups`` (people x groups)."""
        inside = (cells @ groups).T.reshape(-1, n_items, n_values)
        outside, mirror = everyone - inside, labels.mirror
        return in_group_alpha(inside, distance, mirror), cross_reliability(inside, outside, distance, mirror)

    within, across = (float(figures[0]) for figures in compared(member.astype(np.float64)[:, None]))
    n_shared = int((cells @ member.astype(np.float64)).reshape(n_items, n_values).sum(axis=1).__ge__(2).sum())
    if np.isnan(within) or np.isnan(across):
        return Association(_defined(within), _defined(across), None, None, n_shared)
    rng = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, permutations, _AT_ONCE):
        size = min(_AT_ONCE, permutations - start)
        dealt = np.stack([rng.permutation(member) for _ in range(size)], axis=1).astype(np.float64)
        other_within, other_across = compared(dealt)
        difference = np.nan_to_num(np.abs(other_within - other_across))
        beyond += int((difference >= abs(within - across) - _TIE).sum())
    ratio = within / across if across > 0 else None
    return Association(within, across, ratio, (1 + beyond) / (1 + permutations), n_shared)


def in_group_alpha(
    counts: NDArray[np.float64], distance: NDArray[np.float64], mirror: NDArray[np.integer] | None = None
) -> NDArray[np.float64]:
    """Return Krippendorff's alpha of each group from (groups x items x values) counts; NaN where undefined."""
    answers = counts.sum(axis=2)
    counts = counts * (answers >= 2)[:, :, None]
    within = np.einsum("giv,vw,giw->gi", counts, distance, counts, optimize=True) / (answers - 1).clip(min=1)
    totals = counts.sum(axis=1)
    expected = summed_distance(totals, distance, mirror).sum(axis=1)
    return _one_minus(within.sum(axis=1) * (totals.sum(axis=1) - 1), expected)


def cross_reliability(
    group: NDArray[np.float64],
    others: NDArray[np.float64],
    distance: NDArray[np.float64],
    mirror: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Return xRR of each group and its others from (groups x items x values) counts of each; NaN where undefined."""
    first, second = group.sum(axis=2), others.sum(axis=2)
    shared = ((first > 0) & (second > 0)).astype(np.float64)
    group, others = group * shared[:, :, None], others * shared[:, :, None]
    pairs = (first * second).clip(min=1)
    apart = np.einsum("giv,vw,giw->gi", group, distance, others, optimize=True) / pairs
    weight = (first + second) * shared
    everyone = weight.sum(axis=1)
    observed = np.divide((apart * weight).sum(axis=1), everyone, out=np.zeros(len(group)), where=everyone > 0)
    totals, other_totals = margin(group.sum(axis=1), mirror), margin(others.sum(axis=1), mirror)
    size = totals.sum(axis=1) * other_totals.sum(axis=1)
    expected = ((totals @ distance) * other_totals).sum(axis=1)
    return _one_minus(observed * size, expected)


def _one_minus(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.full(len(observed), np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    return np.asarray(1 - ratio, dtype=np.float64)


def _distance(values: tuple[object, ...], order: Sequence[str]) -> NDArray[np.float64]:
    if order:
        step = np.array([order.index(str(value)) for value in values], dtype=np.float64)
        return np.asarray((step[:, None] - step[None, :]) ** 2, dtype=np.float64)
    return 1 - np.eye(len(values))


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
