"""Fills the tables of an export with the rows of items: a portion of them at a time, on its way to its buckets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import hashed, lists_of, one_array, rows_at, slices, texts_of
from exports.buckets import bucket_of, buckets_of
from exports.canonical import joined
from exports.columns import TEXT, with_tools
from exports.difference import ITEM_COLUMNS, ITEMS, LISTED
from exports.json_columns import stored_schema
from exports.pair_columns import NEITHER
from exports.spilled import Goals, in_sizes, spill, spill_tables
from exports.splits import TEST, TRAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from exports.arrays import Numbers
    from exports.columns import Columns, Row
    from exports.items import ExportItem, ItemT
    from exports.omissions import Omission
    from exports.pair_columns import PairColumns
    from exports.projection import Projection
    from exports.spilled import Piece

OMISSIONS, OMITTED = "omissions", "omitted"
"""The configuration that lists what is in no row, and its split."""
OMISSION_COLUMNS: Columns = {"reason": TEXT, "task_id": TEXT, "annotation_id": TEXT}
ABOUT_ITEMS = "every item, by which releases are compared"
ABOUT_OMISSIONS = "answers and tasks in no row, and why"
FIRST, LATER = "0", "1"
"""How the places of items begin: those to train on come first, each by its id."""


@dataclass(slots=True)
class Filled:
    """What portions gave to the tables: the columns of each, and where its rows stand, by the name of the table."""

    columns: dict[str, list[Columns]] = field(default_factory=dict)
    pieces: dict[str, list[Piece]] = field(default_factory=dict)

    def add(self, other: Filled) -> None:
        """Add what another portion gave."""
        for name, columns in other.columns.items():
            self.columns.setdefault(name, []).extend(columns)
            self.pieces.setdefault(name, []).extend(other.pieces[name])


def fill(
    folder: Path,
    projection: Projection[ItemT],
    items: Sequence[ItemT],
    splits: Mapping[str, str],
    omissions: Iterable[Omission],
    buckets: int,
    *,
    json_lines: bool,
    see: Callable[[Iterable[Row]], None],
    see_trained: Callable[[Iterable[pa.Array]], None],
) -> Filled:
    """Write the rows of a portion's items, of the table that lists the items, and of the ledger of drops.

    Args:
        folder: where to; it is there.
        projection: whose tables.
        items: those of the portion.
        splits: of the items, by id.
        omissions: what is in no row.
        buckets: into which each split is divided for now.
        json_lines: every table is also written as JSON lines.
        see: is shown every row of the tables, once.
        see_trained: is shown every row to train on as JSON with a line break, once.
    """
    filled = Filled()
    aims = {item.id: (splits[item.id], _bucket_of(item.id, buckets)) for item in items}
    items = sorted(items, key=lambda item: aims[item.id])
    names = [item.id for item in items]
    digests: list[list[str]] = [[] for _ in items]
    placed = [aims[name][1] for name in names]
    accepts = projection.training_table.accepts
    places = [f"{FIRST if accepts(item) else LATER}{item.id}" for item in items]
    in_splits = [splits[name] for name in names]
    goals = Goals.of(in_splits, placed, names, places)

    def keep(
        name: str, rows: Sequence[Row], owners: Sequence[int], where: Goals, columns: Columns, *, lines: bool
    ) -> list[pa.Array]:
        spilled = spill(folder / f"{name}.arrow", rows, owners, where, columns, json_lines=lines)
        filled.columns[name], filled.pieces[name] = [columns], spilled.pieces
        return spilled.lines

    for number, spec in enumerate(projection.tables):
        rows: list[Row] = []
        owners: list[int] = []
        for owner, item in enumerate(items):
            if spec.accepts(item):
                made = spec.rows(item)
                rows.extend(made)
                owners.extend([owner] * len(made))
        see(rows)
        with_lines = json_lines or (projection.json_lines and number == 0)
        columns = with_tools(spec.current_columns(), rows)
        as_json = keep(spec.name, rows, owners, goals, columns, lines=with_lines)
        if number == 0:
            see_trained(as_json)
        lines = (line for some in as_json for line in some.to_pylist())
        for owner, line in zip(owners, lines, strict=True):
            digests[owner].append(line)
    listed = [
        _listed(item, split, lines) for item, split, lines in zip(items, in_splits, digests, strict=True)
    ]
    of_list = Goals.of([LISTED] * len(items), placed, names, names)
    keep(ITEMS, listed, range(len(listed)), of_list, ITEM_COLUMNS, lines=False)
    _fill_omissions(folder, omissions, buckets, filled)
    return filled


def fill_columns(
    folder: Path,
    projection: Projection[ItemT],
    pairs: PairColumns,
    splits: Sequence[str],
    omissions: Iterable[Omission],
    buckets: int,
    *,
    json_lines: bool,
    see: Callable[[pa.Table], None],
    see_trained: Callable[[Iterable[pa.Array]], None],
) -> Filled:
    """Write the rows of pairs in columns: as ``fill``, whose arguments these are, does of items.

    ``splits`` are those of the pairs, in their order, and ``see`` is shown the tables.
    """
    filled = Filled()
    in_test = np.array([split == TEST for split in splits], np.int64)  # as the splits, in alphabetical order
    numbers = buckets_of(hashed(pairs.ids, 8), buckets) + (1 - in_test) * buckets
    order = np.argsort(numbers, kind="stable")
    numbers, pairs = numbers[order], pairs.at(order)
    begins = rows_at(texts_of([FIRST, LATER]), (pairs.winners == NEITHER).astype(np.int64))
    aims = [(split, bucket) for split in (TEST, TRAIN) for bucket in range(buckets)]
    goals = Goals(aims, numbers, pairs.ids, joined(begins, pairs.ids))
    of_list = Goals([(LISTED, bucket) for _, bucket in aims], numbers, pairs.ids, pairs.ids)

    def keep(
        name: str, table: pa.Table, owners: Numbers, where: Goals, columns: Columns, *, lines: bool
    ) -> pa.Array:
        path = folder / f"{name}.arrow"
        spilled = spill_tables(path, in_sizes(table), owners, where, columns, json_lines=lines)
        filled.columns[name], filled.pieces[name] = [columns], spilled.pieces
        return one_array(pa.chunked_array(spilled.lines, pa.string()))

    of_pairs: list[pa.Array] = []
    for number, spec in enumerate(projection.tables):
        assert spec.of_columns is not None
        table, owners = spec.of_columns(pairs)
        see(table)
        with_lines = json_lines or (projection.json_lines and number == 0)
        kept = keep(spec.name, table, owners, goals, spec.current_columns(), lines=with_lines)
        if number == 0:
            see_trained([kept])
        of_pairs.append(pc.binary_join(lists_of(kept, np.bincount(owners, minlength=len(pairs))), ""))
    every_line = joined(*of_pairs)
    listed = {
        "id": pairs.ids,
        "split": rows_at(texts_of([TEST, TRAIN]), numbers // buckets),
        "digest": texts_of([hashlib.sha256(text).hexdigest() for text in slices(every_line)]),
        "conversation_ids": pairs.distinct_of(pairs.origins.ids),
    }
    table = pa.Table.from_pydict(listed, schema=stored_schema(ITEM_COLUMNS))
    keep(ITEMS, table, np.arange(len(pairs)), of_list, ITEM_COLUMNS, lines=False)
    _fill_omissions(folder, omissions, buckets, filled)
    return filled


def _fill_omissions(folder: Path, omissions: Iterable[Omission], buckets: int, filled: Filled) -> None:
    """Write the ledger of drops."""
    dropped = sorted(map(_dropped, omissions), key=lambda row: _bucket_of(str(row["task_id"]), buckets))
    spilled = spill(
        folder / f"{OMISSIONS}.arrow",
        dropped,
        range(len(dropped)),
        _goals_of(dropped, buckets),
        OMISSION_COLUMNS,
    )
    filled.columns[OMISSIONS], filled.pieces[OMISSIONS] = [OMISSION_COLUMNS], spilled.pieces


def _bucket_of(name: str, buckets: int) -> int:
    return bucket_of(name, buckets) if buckets > 1 else 0


def _listed(item: ExportItem, split: str, lines: Iterable[str]) -> Row:
    """Return the row of ``ITEM_COLUMNS`` of an item whose rows in all tables are these, as lines of JSON."""
    return {
        "id": item.id,
        "split": split,
        "digest": hashlib.sha256("".join(lines).encode()).hexdigest(),
        "conversation_ids": list(item.conversation_ids),
    }


def _dropped(omission: Omission) -> Row:
    """Return a row of the ledger of drops, which has as many rows for each reason as the manifest counts."""
    return {
        "reason": omission.reason.value,
        "task_id": omission.task_id,
        "annotation_id": omission.annotation_id,
    }


def _goals_of(dropped: Sequence[Row], buckets: int) -> Goals:
    names = [str(row["task_id"]) for row in dropped]
    return Goals.of(
        [OMITTED] * len(names),
        [_bucket_of(name, buckets) for name in names],
        names,
        [f"{row['reason']}\x1f{row['task_id']}\x1f{row['annotation_id'] or ''}" for row in dropped],
    )
