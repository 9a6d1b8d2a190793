"""Write an export: splits, licences, digests, manifest and card are the same for every projection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from exports.card import card
from exports.dataset import DatasetTable, digest_of, digests_of, tool_version, write_dataset
from exports.holders import holders_of
from exports.licences import check_licences, licence_notes
from exports.omissions import count_omissions
from exports.splits import TEST, TRAIN, SplitItem, assign_splits
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from pydantic import JsonValue

    from exports.holders import Holders
    from exports.items import ItemT
    from exports.projection import Evidence, Projection, Selection


class NothingToExportError(WorkbenchError):
    """No answer gives a row to train on."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of an export.

    ``rows`` counts the rows to train on by split, ``dropped`` the omitted answers and tasks by reason; ``digest`` is
    the digest in the manifest; ``unchanged`` is true if the folder already held this export and was not written;
    ``licence_notes`` are sentences for whoever publishes or uses the export.
    """

    path: Path
    rows: Mapping[str, int]
    dropped: Mapping[str, int]
    digest: str
    unchanged: bool
    licence_notes: tuple[str, ...] = ()


def export(
    folder: Path,
    projection: Projection[ItemT],
    evidence: Evidence,
    *,
    ledger_tip: str | None,
    created_at: datetime,
    test_share: float = 0.1,
    any_licence: bool = False,
    announce: Callable[[Holders], None] = lambda _: None,
) -> ExportResult:
    """Write a projection of the evidence to a folder.

    Args:
        folder: does not exist yet, or holds an earlier export of the same projection, which is replaced.
        projection: what to make of the evidence (``projection_of``).
        evidence: the answers, and what they are about.
        ledger_tip: hash of the last ledger transaction, for the manifest; ``None`` without a ledger.
        created_at: now, with its zone.
        test_share: share of groups of related items that goes into the test split, 0 to 1.
        any_licence: write the export although the licences of its rows conflict.
        announce: is told whose data the export holds, before a byte of it is written.

    Raises:
        NothingToExportError: no item gives a row to train on.
        LicenceConflictError: the licences of the rows conflict, and ``any_licence`` is not set.
        NotOurExportError: ``folder`` holds something else.
    """
    selection = projection.select(evidence)
    trained = [item for item in selection.items if projection.training_table.accepts(item)]
    if not trained:
        raise _nothing_to_export(selection)
    tables = _tables(projection, selection, test_share)
    measurements = projection.measure(trained)
    dropped = count_omissions(selection.omissions)
    licences = _counts(item.licences for item in trained)
    sources = _counts(item.sources for item in trained)
    rules = _counts(item.rules_versions for item in trained)
    if not any_licence:
        check_licences(licences)
    digests = digests_of(tables)
    digest = digest_of(digests)
    manifest: dict[str, JsonValue] = {
        "kind": projection.name,
        "created_at": created_at.astimezone(UTC).isoformat(),
        "digest": digest,
        "digests": {**digests},
        "rows": {
            table.name: {split: len(table.rows[split]) for split in table.files}
            for table in tables
            if table.files
        },
        "annotators": len({person_id for item in selection.items for person_id in item.person_ids}),
        **measurements.manifest,
        "dropped": {**dropped},
        "test_share": test_share,
        "licences": {**licences},
        "sources": {**sources},
        "rules_versions": {**rules},
        "ledger_tip": ledger_tip,
    }
    readme = card(
        projection,
        measurements.card,
        tables=tables,
        licences=licences,
        sources=sources,
        dropped=dropped,
        tool_version=tool_version(),
        created_on=created_at.astimezone(UTC).date().isoformat(),
    )
    every_row = (row for table in tables for rows in table.rows.values() for row in rows)
    announce(holders_of(every_row, selection.items, evidence.annotations))
    written = write_dataset(folder, tables, manifest, readme)
    return ExportResult(
        path=folder,
        rows={split: len(split_rows) for split, split_rows in tables[0].rows.items()},
        dropped=dropped,
        digest=digest,
        unchanged=not written,
        licence_notes=tuple(licence_notes(licences)),
    )


def _tables(
    projection: Projection[ItemT], selection: Selection[ItemT], test_share: float
) -> list[DatasetTable]:
    splits = assign_splits(
        (SplitItem(item.id, item.conversation_ids, item.prompt) for item in selection.items), test_share
    )
    arranged = {
        split: projection.arrange([item for item in selection.items if splits[item.id] == split])
        for split in (TRAIN, TEST)
    }
    return [
        DatasetTable(
            table.name,
            table.description,
            table.current_columns(),
            {
                split: [row for item in items if table.accepts(item) for row in table.rows(item)]
                for split, items in arranged.items()
            },
        )
        for table in projection.tables
    ]


def _counts(groups: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Return the number of items by name, in alphabetical order."""
    return dict(sorted(Counter(name for names in groups for name in names).items()))


def _nothing_to_export(selection: Selection[ItemT]) -> NothingToExportError:
    """Return the error of an export without rows: the shortage, the reasons, and the command to run."""
    reasons = ", ".join(
        f"{count} x {reason}" for reason, count in count_omissions(selection.omissions).items()
    )
    return NothingToExportError(
        f"{selection.shortage}{f' ({reasons})' if reasons else ''}: run 'chatfeedback sync' to fetch new answers"
    )
