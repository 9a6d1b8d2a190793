"""The report as a page, for the project lead to read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chatfeedback.steps.evaluate import evaluate

if TYPE_CHECKING:
    from chatfeedback.report import Written
    from quality import Report
    from workspaces.workspace import Workspace

FOLDER = ("reports", "latest")


@dataclass(frozen=True, slots=True)
class Reported:
    """What was found, and where it was written."""

    report: Report
    written: Written


def write_report(workspace: Workspace) -> Reported:
    """Judge the answers and write the page and its tables into ``reports/latest``, in place of those of before."""
    from chatfeedback.report import write  # pandas, Jinja and the plots take a second to import
    from chatfeedback.report.inputs import gather_inputs

    inputs = gather_inputs(workspace, partial(evaluate, workspace))
    with workspace.exclusive():
        return Reported(inputs.report, write(inputs, workspace.path.joinpath(*FOLDER)))
