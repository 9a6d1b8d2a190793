"""Fills the tables of an export with the rows of items: a portion of them at a time, on its way to its buckets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.buckets import bucket_of
from exports.columns import TEXT, with_tools
from exports.difference import ITEM_COLUMNS, ITEMS, LISTED
from exports.spilled import SpilledRow, as_json, digest_of_lines, spill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from exports.columns import Columns, Row
    from exports.items import ExportItem, ItemT
    from exports.omissions import Omission
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
    see: Callable[[Row], None],
    see_trained: Callable[[str], None],
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
        see_trained: is shown every row to train on as JSON, once.
    """
    filled = Filled()
    digests: dict[str, list[str]] = {item.id: [] for item in items}
    placed = {item.id: bucket_of(item.id, buckets) if buckets > 1 else 0 for item in items}
    accepts = projection.training_table.accepts
    places = {item.id: f"{FIRST if accepts(item) else LATER}{item.id}" for item in items}

    def keep(name: str, rows: Iterable[SpilledRow], columns: Columns, *, with_lines: bool) -> None:
        filled.columns[name] = [columns]
        filled.pieces[name] = spill(folder / f"{name}.arrow", rows, columns, json_lines=with_lines)

    for number, spec in enumerate(projection.tables):
        columns, rows = spec.current_columns(), []
        for item in items:
            if not spec.accepts(item):
                continue
            name, made = item.id, spec.rows(item)
            columns = with_tools(columns, made)
            for row in made:
                line = as_json(row)
                see(row)
                if number == 0:
                    see_trained(line)
                digests[name].append(line)
                rows.append(SpilledRow(splits[name], placed[name], name, places[name], row, line))
        with_lines = json_lines or (projection.json_lines and number == 0)
        keep(spec.name, rows, columns, with_lines=with_lines)
    listed = (_listed(item, splits[item.id], digests[item.id]) for item in items)
    of_items = (
        _spilled(LISTED, placed[str(row["id"])], str(row["id"]), str(row["id"]), row) for row in listed
    )
    keep(ITEMS, of_items, ITEM_COLUMNS, with_lines=False)
    dropped = (_dropped(omission, buckets) for omission in omissions)
    keep(OMISSIONS, dropped, OMISSION_COLUMNS, with_lines=False)
    return filled


def _listed(item: ExportItem, split: str, lines: Iterable[str]) -> Row:
    """Return the row of ``ITEM_COLUMNS`` of an item whose rows in all tables are these, as JSON."""
    return {
        "id": item.id,
        "split": split,
        "digest": digest_of_lines(lines),
        "conversation_ids": list(item.conversation_ids),
    }


def _dropped(omission: Omission, buckets: int) -> SpilledRow:
    """Return a row of the ledger of drops, which has as many rows for each reason as the manifest counts."""
    reason, task_id, annotation_id = omission.reason.value, omission.task_id, omission.annotation_id
    row: Row = {"reason": reason, "task_id": task_id, "annotation_id": annotation_id}
    place = f"{reason}\x1f{task_id}\x1f{annotation_id or ''}"
    return _spilled(OMITTED, bucket_of(task_id, buckets) if buckets > 1 else 0, task_id, place, row)


def _spilled(split: str, bucket: int, name: str, place: str, row: Row) -> SpilledRow:
    return SpilledRow(split, bucket, name, place, row, as_json(row))
