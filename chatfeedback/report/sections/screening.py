"""Section: screening flags that wait for a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from quality.screening.finding import in_words, unit_of
from workspaces.grammar import counted
from workspaces.store.flags import FlagStatus, flags

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "A flag is a reason to look, not a verdict: nothing is taken from anybody by it. 'chatfeedback people review' "
    "accepts or dismisses."
)
HEADINGS = {
    "flag": "flag",
    "person": "person",
    "reason": "reason",
    "rests_on": "rests on",
    "evidence": "evidence",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return the open flags, those that rest on most first."""
    with inputs.workspace.store.read() as connection:
        open_flags = flags(connection, FlagStatus.OPEN)
    if not open_flags:
        return None
    rows = pd.DataFrame(
        [
            (
                row.flag_id,
                row.person_id,
                row.reason.replace("_", " "),
                counted(row.weight, unit_of(row.reason)),
                in_words(row.reason, row.evidence),
                json.dumps(row.evidence, sort_keys=True),
            )
            for row in sorted(open_flags, key=lambda row: (-row.weight, row.flag_id))
        ],
        columns=[*HEADINGS, "figures"],
    )
    return Section(
        "screening",
        "Screening",
        text=(EXPLANATION,),
        tables=(SectionTable("screening_flags", "Open flags.", rows, HEADINGS),),
    )
