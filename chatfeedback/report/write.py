"""Computes the report and writes its folder: one page, and its tables as Parquet and CSV."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.inputs import gather_inputs
from chatfeedback.report.page import render
from chatfeedback.report.sections import SECTIONS
from workspaces.csv_cells import harmless
from workspaces.files import remove_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from chatfeedback.report.inputs import ReportInputs
    from chatfeedback.report.section import Section
    from chatfeedback.steps.status import Counts
    from quality import Report
    from workspaces.workspace import Workspace

LATEST = "latest"
"""The folder in ``Workspace.reports`` that the report is written to."""

PAGE_NAME = "report.html"
STEPS_NAME = "next_steps.json"


@dataclass(frozen=True, slots=True)
class Written:
    """The path of the page, and every table by name."""

    page: Path
    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Reported:
    """The report, the figures of the workspace, and where the report was written."""

    report: Report
    counts: Counts
    written: Written


def write_report(workspace: Workspace) -> Reported:
    """Evaluate the answers and write the page and its tables into ``reports/latest``, replacing those of before."""
    inputs = gather_inputs(workspace)
    with workspace.exclusive():
        return Reported(inputs.report, inputs.counts, write(inputs, workspace.reports / LATEST))


def write(inputs: ReportInputs, folder: Path) -> Written:
    """Write the page, its next steps, and ``tables/NAME.parquet`` and ``.csv`` into ``folder``, replaced as a whole.

    The same inputs give the same files. If the process is killed, the previous folder remains, or none: write again.
    """
    sections = [section for build in SECTIONS if (section := build(inputs)) is not None]
    tables = {table.name: table.rows for section in sections for table in section.tables}
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for left_behind in (new, old):
        remove_folder(left_behind)
    (new / "tables").mkdir(parents=True)
    for name, rows in tables.items():
        rows.to_parquet(new / "tables" / f"{name}.parquet", index=False)
        _harmless(rows).to_csv(new / "tables" / f"{name}.csv", index=False, lineterminator="\n")
    (new / PAGE_NAME).write_bytes(_page(sections, inputs).encode("utf-8"))
    steps = [step for section in sections for step in section.steps]
    (new / STEPS_NAME).write_text(json.dumps(steps, ensure_ascii=False), encoding="utf-8")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    remove_folder(old)
    return Written(folder / PAGE_NAME, tables)


def _page(sections: Sequence[Section], inputs: ReportInputs) -> str:
    report, answered = inputs.report, inputs.answered
    totals = {
        "answers": inputs.counts.answers,
        "people": inputs.counts.everybody,
        "imported judgments": inputs.counts.imported_judgments,
        "votes": report.n_votes,
        "items": report.n_items,
        "points for answers": int(inputs.earned["points"].sum()),
    }
    until = "No answers yet."
    if len(answered):
        until = f"Answers up to {answered['at'].max():%d %B %Y, %H:%M} UTC."
    return render(sections, totals, until)


def _harmless(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which no text starts like a formula, because a spreadsheet would evaluate it."""

    texts = [name for name in rows.columns if not pd.api.types.is_numeric_dtype(rows[name])]
    return rows.assign(**{name: rows[name].map(harmless) for name in texts})
