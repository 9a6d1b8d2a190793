"""Fills the tables of an export with the rows of items, bucket by bucket."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from exports.buckets import bucket_of
from exports.columns import TEXT, with_tools
from exports.difference import ITEM_COLUMNS, ITEMS, LISTED
from exports.parts import as_json, digest_of_lines, part_of
from exports.tables import DatasetTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exports.columns import Columns, Row
    from exports.items import ExportItem, ItemT
    from exports.omissions import Omission
    from exports.parts import Part
    from exports.projection import Projection, TableSpec

T = TypeVar("T")

OMISSIONS, OMITTED = "omissions", "omitted"
"""The configuration that lists what is in no row, and its split."""
OMISSION_COLUMNS: Columns = {"reason": TEXT, "task_id": TEXT, "annotation_id": TEXT}


def tables_of(
    projection: Projection[ItemT],
    arranged: Mapping[str, Sequence[ItemT]],
    buckets: int,
    *,
    json_lines: bool,
    see: Callable[[Row], None],
    see_trained: Callable[[str], None],
) -> list[DatasetTable]:
    """Return the tables of a projection, and the one that lists the items.

    Args:
        projection: whose tables.
        arranged: the items of each split, in their order.
        buckets: into which each split is divided.
        json_lines: every table is also written as JSON lines.
        see: is shown every row of the tables, once.
        see_trained: is shown every row to train on as JSON, once.
    """
    columns = [spec.current_columns() for spec in projection.tables]
    parts: list[list[Part]] = [[] for _ in projection.tables]
    listed: dict[int, list[Row]] = defaultdict(list)
    for split, items in arranged.items():
        for bucket, within in _divided(items, buckets, lambda item: item.id):
            digests: dict[str, list[str]] = {item.id: [] for item in within}
            for number, spec in enumerate(projection.tables):
                taken = [item for item in within if spec.accepts(item)]
                lines = []
                for item in taken:
                    rows = spec.rows(item)
                    columns[number] = with_tools(columns[number], rows)
                    of_item = [as_json(row) for row in rows]
                    for row, line in zip(rows, of_item, strict=True):
                        see(row)
                        if number == 0:
                            see_trained(line)
                    lines += of_item
                    digests[item.id] += of_item
                if lines:
                    parts[number].append(part_of(split, bucket, partial(_rows, spec, taken), lines))
            listed[bucket] += (_listed(item, split, digests[item.id]) for item in within)
    return [
        *(
            DatasetTable(
                spec.name,
                spec.description,
                columns[number],
                parts[number],
                buckets,
                json_lines or (projection.json_lines and number == 0),
            )
            for number, spec in enumerate(projection.tables)
        ),
        _items_table(listed, buckets),
    ]


def _rows(spec: TableSpec[ItemT], items: Iterable[ItemT]) -> list[Row]:
    return [row for item in items for row in spec.rows(item)]


def _listed(item: ExportItem, split: str, lines: Iterable[str]) -> Row:
    """Return the row of ``ITEM_COLUMNS`` of an item whose rows in all tables are these, as JSON."""
    return {
        "id": item.id,
        "split": split,
        "digest": digest_of_lines(lines),
        "conversation_ids": list(item.conversation_ids),
    }


def _items_table(listed: Mapping[int, Sequence[Row]], buckets: int) -> DatasetTable:
    """Return the table that lists the items, by which releases are compared."""
    parts = [
        _kept(LISTED, bucket, sorted(rows, key=lambda row: str(row["id"])))
        for bucket, rows in sorted(listed.items())
    ]
    return DatasetTable(ITEMS, "every item, by which releases are compared", ITEM_COLUMNS, parts, buckets)


def omissions_table(omissions: Iterable[Omission], buckets: int) -> DatasetTable:
    """Return the ledger of drops: as many rows for each reason as the manifest counts."""
    parts = [
        _kept(
            OMITTED,
            bucket,
            [
                {"reason": it.reason.value, "task_id": it.task_id, "annotation_id": it.annotation_id}
                for it in some
            ],
        )
        for bucket, some in _divided(omissions, buckets, lambda it: it.task_id)
    ]
    return DatasetTable(OMISSIONS, "answers and tasks in no row, and why", OMISSION_COLUMNS, parts, buckets)


def _kept(split: str, bucket: int, rows: Sequence[Row]) -> Part:
    """Return a part of rows that stay in memory."""
    return part_of(split, bucket, lambda: rows, map(as_json, rows))


def _divided(items: Iterable[T], buckets: int, name: Callable[[T], str]) -> list[tuple[int, list[T]]]:
    """Return things by their buckets, in their order."""
    divided: dict[int, list[T]] = defaultdict(list)
    for item in items:
        divided[bucket_of(name(item), buckets) if buckets > 1 else 0].append(item)
    return sorted(divided.items())
