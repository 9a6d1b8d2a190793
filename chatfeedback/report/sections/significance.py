"""Section: significance compared with disagreement and change."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Interval, intervals
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.seed_feedback import significance_calibration
from workspaces.grammar import counted

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
    """Return what significance predicts on each kind, with a recommendation."""
    calibrations = significance_calibration(inputs.platform_votes, inputs.tasks, inputs.rewrites)
    if not calibrations:
        return None
    table = pd.DataFrame([asdict(level) for calibration in calibrations for level in calibration.levels])
    return Section(
        "significance",
        "Significance against disagreement",
        text=tuple(calibration.recommendation for calibration in calibrations),
        figures=tuple(figure for calibration in calibrations for figure in _figures(calibration)),
        tables=(
            SectionTable("significance", "What happened to tasks of each significance.", table, HEADINGS),
        ),
    )


def _figures(calibration: Calibration) -> list[Figure]:
    measures = [
        (
            "disagreement",
            [
                (level.disagreement, level.disagreement_low, level.disagreement_high)
                for level in calibration.levels
            ],
        ),
        ("rewrites", [(level.change, level.change_low, level.change_high) for level in calibration.levels]),
    ]
    captions = {
        "disagreement": f"{calibration.kind} tasks: the chance that two people answer a question differently.",
        "rewrites": f"{calibration.kind} tasks: the share of answers with a rewrite.",
    }
    figures = []
    for name, numbers in measures:
        if any(value is not None for value, _, _ in numbers):
            rows = [
                Interval(
                    f"{level.significance} ({counted(level.n_tasks, 'task')})", *figure, note="no answers"
                )
                for level, figure in zip(calibration.levels, numbers, strict=True)
            ]
            plot = intervals(rows, captions[name], ticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0], percent=True)
            figures.append(Figure(plot, f"{captions[name][0].upper()}{captions[name][1:]} 95 % intervals."))
    return figures
