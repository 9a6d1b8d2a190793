"""Significance against disagreement and change."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Interval, intervals
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.seed_feedback import significance_calibration

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.seed_feedback import Calibration

HEADINGS = {
    "kind": "kind",
    "significance": "significance",
    "n_tasks": "tasks",
    "disagreement": "disagreement",
    "disagreement_low": "disagreement from",
    "disagreement_high": "disagreement to",
    "entropy": "entropy (bits)",
    "change": "rewrites",
    "change_low": "rewrites from",
    "change_high": "rewrites to",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return what significance predicts, and what to do about it."""
    found = significance_calibration(inputs.asked, inputs.tasks, inputs.rewrites)
    if not found:
        return None
    table = pd.DataFrame([asdict(level) for one in found for level in one.levels])
    return Section(
        "significance",
        "Significance against disagreement",
        text=tuple(one.recommendation for one in found),
        figures=tuple(figure for one in found for figure in _figures(one)),
        tables=(
            SectionTable("significance", "What happened to tasks of each significance.", table, HEADINGS),
        ),
    )


def _figures(found: Calibration) -> list[Figure]:
    parts = [
        (
            "disagreement",
            [(level.disagreement, level.disagreement_low, level.disagreement_high) for level in found.levels],
        ),
        ("rewrites", [(level.change, level.change_low, level.change_high) for level in found.levels]),
    ]
    captions = {
        "disagreement": f"{found.kind} tasks: the chance that two people answer a question differently.",
        "rewrites": f"{found.kind} tasks: the share of answers with a rewrite.",
    }
    figures = []
    for name, numbers in parts:
        if any(value is not None for value, _, _ in numbers):
            rows = [
                Interval(f"{level.significance} ({level.n_tasks:,} tasks)", *figure, note="no answers")
                for level, figure in zip(found.levels, numbers, strict=True)
            ]
            plot = intervals(rows, captions[name], ticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0], percent=True)
            figures.append(Figure(plot, f"{captions[name][0].upper()}{captions[name][1:]} 95 % intervals."))
    return figures
