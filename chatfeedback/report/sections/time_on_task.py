"""Section: how long answers take, by person and kind of task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.section import Section, SectionTable
from quality.time_on_task import medians
from workspaces.grammar import counted

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "Label Studio keeps how long a task was open. On Argilla a person's time since the answer before, or since the "
    "task was first shown to them, is an upper bound; breaks of more than half an hour are left out. Nobody is paid "
    "less for being quick."
)
HEADINGS = {
    "person": "person",
    "kind": "kind",
    "answers": "answers",
    "seconds": "median, seconds",
    "is_bound": "at most",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return the median time of each person and kind, the quickest first; None where no time is known."""
    if inputs.times.empty:
        return None
    of_kind = inputs.times.groupby("kind").agg({"seconds": ["median", "size"], "is_bound": "any"})
    text = [EXPLANATION]
    for kind, median, answers, is_bound in of_kind.itertuples():
        takes = f"takes at most {_seconds(median)}" if is_bound else f"takes {_seconds(median)}"
        text.append(f"A {kind} task {takes} in the median of {counted(answers, 'answer')}.")
    rows = medians(inputs.times)
    table = SectionTable("time_on_task", "Median time on a task, the quickest first.", rows, HEADINGS)
    return Section("time", "Time on task", tuple(text), tables=(table,))


def _seconds(median: float) -> str:
    return counted(round(median), "second") if median >= 0.95 else f"{median:.1g} seconds"
