"""Finishes the tables of an export: rows that wait are divided into buckets, and each bucket is looked at."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from exports.difference import ITEMS
from exports.filling import ABOUT_ITEMS, ABOUT_OMISSIONS, OMISSIONS
from exports.json_columns import widened
from exports.parts import Bucket, part_of
from exports.splits import TRAIN
from exports.tables import DatasetTable
from workspaces.workers import results_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exports.plan import Plan, Reduced
    from exports.spilled import Piece
    from workspaces.workers import Workers


def tables_of(plan: Plan, made: Reduced, buckets: int, workers: Workers) -> list[DatasetTable]:
    """Return the tables of a projection, the one that lists the items, and the ledger of drops.

    Args:
        plan: what was made of every portion.
        made: what the portions gave.
        buckets: into which each split is divided.
        workers: look at the buckets.
    """
    projection, arrange = plan.projection, plan.projection.arrange
    orders = {} if arrange is None else {split: _numbered(arrange(it)) for split, it in made.prompts.items()}
    about = {
        **{spec.name: spec.description for spec in projection.tables},
        ITEMS: ABOUT_ITEMS,
        OMISSIONS: ABOUT_OMISSIONS,
    }
    all_buckets = {
        name: list(_buckets(made.filled.pieces[name], plan.buckets, buckets, orders)) for name in about
    }
    parts = iter(
        results_of(workers, part_of, [(bucket,) for some in all_buckets.values() for bucket in some])
    )
    trained = projection.training_table.name
    return [
        DatasetTable(
            name,
            description,
            widened(made.filled.columns[name]),
            [part for part in (next(parts) for _ in all_buckets[name]) if part.groups],
            buckets,
            name not in (ITEMS, OMISSIONS)
            and (plan.json_lines or (projection.json_lines and name == trained)),
        )
        for name, description in about.items()
    ]


def _numbered(names: Sequence[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _buckets(
    pieces: Sequence[Piece], before: int, buckets: int, orders: Mapping[str, Mapping[str, int]]
) -> Iterator[Bucket]:
    """Yield the buckets of a table, the split to train on first; ``before`` is the number that portions knew of.

    Both numbers are powers of two times a third one (``buckets_for``), so that one of them divides the other.
    """
    of_bucket: dict[tuple[str, int], list[Piece]] = defaultdict(list)
    for piece in pieces:
        for number in range(piece.bucket % buckets, buckets, before):
            of_bucket[piece.split, number].append(piece)
    for split, number in sorted(of_bucket, key=lambda key: (key[0] != TRAIN, *key)):
        yield Bucket(
            split, number, buckets, of_bucket[split, number], mixed=buckets > before, order=orders.get(split)
        )
