"""Finishes the tables of an export: rows that wait are divided into buckets, and each bucket is looked at."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from exports.difference import ITEMS
from exports.filling import ABOUT_ITEMS, ABOUT_OMISSIONS, OMISSIONS
from exports.json_columns import widened
from exports.parts import Bucket
from exports.splits import TRAIN
from exports.tables import DatasetTable, Drafting, drafted, place_of
from workspaces.workers import results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from exports.parts import Part
    from exports.plan import Plan, Reduced
    from exports.spilled import Piece
    from workspaces.workers import Workers


def tables_of(
    plan: Plan,
    made: Reduced,
    buckets: int,
    workers: Workers,
    *,
    before: Collection[str] = (),
    dry_run: bool,
    meanwhile: Callable[[], object] | None = None,
) -> list[DatasetTable]:
    """Return the tables of a projection, the one that lists the items, and the ledger of drops.

    Args:
        plan: what was made of every portion.
        made: what the portions gave.
        buckets: into which each split is divided.
        workers: look at the buckets, and write their files.
        before: paths of files that the release before has, and which are not written.
        dry_run: write no file.
        meanwhile: is called while they work.
    """
    projection, arrange = plan.projection, plan.projection.arrange
    orders = {} if arrange is None else {split: _numbered(arrange(it)) for split, it in made.prompts.items()}
    about = {
        **{spec.name: spec.description for spec in projection.tables},
        ITEMS: ABOUT_ITEMS,
        OMISSIONS: ABOUT_OMISSIONS,
    }
    with_lines = (
        {*about} - {ITEMS, OMISSIONS}
        if plan.json_lines
        else {projection.training_table.name}
        if projection.json_lines
        else set()
    )
    folder = None if dry_run else Path(plan.folder)
    columns = {name: widened(made.filled.columns[name]) for name in about}
    kept = {name[: name.rfind("-") + 1]: name for name in before if name.endswith(".parquet")}
    work = [
        (bucket, Drafting(name, columns[name], name in with_lines, folder, kept.get(place_of(name, bucket))))
        for name in about
        for bucket in _buckets(made.filled.pieces[name], plan.buckets, buckets, orders)
    ]
    parts: dict[str, list[Part]] = defaultdict(list)
    for (_, drafting), part in zip(work, results_of(workers, drafted, work, meanwhile), strict=True):
        if part.groups:
            parts[drafting.table].append(part)
    return [
        DatasetTable(name, description, columns[name], parts[name], buckets, name in with_lines)
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
