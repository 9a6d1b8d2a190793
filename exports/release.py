"""One export from rows to folder: splits, digests, manifest, card; the same way for every kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from exports.card import CardText, card
from exports.dataset import DatasetTable, digest_of, digests_of, tool_version, write_dataset
from exports.licences import check_licences, licence_notes
from exports.omissions import count_omissions
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import JsonValue

    from exports.completions import LabelledCompletion
    from exports.omissions import Omission
    from exports.pairs import PreferencePair


class NothingToExportError(WorkbenchError):
    """No answer gives a row to train on."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export came to.

    ``rows`` counts the rows to train on by split, ``dropped`` what is in no row by reason; ``digest`` is that
    of the manifest; ``unchanged`` says that the folder held this export already and was not touched;
    ``licence_notes`` are sentences for whoever publishes or uses it.
    """

    path: Path
    rows: Mapping[str, int]
    dropped: Mapping[str, int]
    digest: str
    unchanged: bool
    licence_notes: tuple[str, ...] = ()


def release(
    folder: Path,
    *,
    kind: str,
    text: CardText,
    tables: Sequence[DatasetTable],
    rows: Sequence[PreferencePair] | Sequence[LabelledCompletion],
    omissions: Sequence[Omission],
    numbers: Mapping[str, JsonValue],
    annotators: int,
    test_share: float,
    ledger_tip: str | None,
    created_at: datetime,
    any_licence: bool = False,
) -> ExportResult:
    """Write an export and say what it came to.

    Args:
        folder: where to.
        kind: what is exported; an export of another kind is never replaced.
        text: the card's own parts.
        tables: the configurations, the one to train on first.
        rows: the pairs or completions of that one.
        omissions: what is in no row.
        numbers: further measurements for the manifest.
        annotators: number of people whose answers are in the rows.
        test_share: share of groups in the test split.
        ledger_tip: hash of the last ledger transaction, where there is a ledger.
        created_at: now, with its zone.
        any_licence: write it although the licences of its rows do not go together.

    Raises:
        LicenceConflictError: they do not, and ``any_licence`` is not said.
    """
    dropped = count_omissions(omissions)
    licences, sources, rules = (
        dict(sorted(Counter(name for names in groups for name in names).items()))
        for groups in (
            [row.licences for row in rows],
            [row.sources for row in rows],
            [row.rules_versions for row in rows],
        )
    )
    if not any_licence:
        check_licences(licences)
    digests = digests_of(tables)
    digest = digest_of(digests)
    manifest: dict[str, JsonValue] = {
        "kind": kind,
        "created_at": created_at.astimezone(UTC).isoformat(),
        "digest": digest,
        "digests": {**digests},
        "rows": {
            table.name: {split: len(table.rows[split]) for split in table.files}
            for table in tables
            if table.files
        },
        "annotators": annotators,
        **numbers,
        "dropped": {**dropped},
        "test_share": test_share,
        "licences": {**licences},
        "sources": {**sources},
        "rules_versions": {**rules},
        "ledger_tip": ledger_tip,
    }
    readme = card(
        text,
        tables=tables,
        licences=licences,
        sources=sources,
        dropped=dropped,
        tool_version=tool_version(),
        created_on=created_at.astimezone(UTC).date().isoformat(),
    )
    written = write_dataset(folder, tables, manifest, readme)
    return ExportResult(
        path=folder,
        rows={split: len(split_rows) for split, split_rows in tables[0].rows.items()},
        dropped=dropped,
        digest=digest,
        unchanged=not written,
        licence_notes=tuple(licence_notes(licences)),
    )


def nothing_to_export(what: str, omissions: Sequence[Omission]) -> NothingToExportError:
    """Return the error of an export without rows: what is missing, why, and what to run."""
    reasons = ", ".join(f"{count} x {reason}" for reason, count in count_omissions(omissions).items())
    return NothingToExportError(
        f"{what}{f' ({reasons})' if reasons else ''}: run 'chatfeedback sync' to fetch new answers"
    )
