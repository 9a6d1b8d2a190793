"""Section: disputed answers that wait for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from workspaces.store.disputes import disputes
from workspaces.store.flags import FlagStatus

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "What a platform says of these answers was not their author's doing, or cannot be told to be. Each stands as its "
    "author left it. 'chatfeedback people review' accepts or dismisses; an accepted deletion deletes."
)
HEADINGS = {
    "dispute": "dispute",
    "reason": "reason",
    "person": "person",
    "by": "by",
    "words": "what happened",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return the open disputes."""
    with inputs.workspace.store.read() as connection:
        found = disputes(connection, FlagStatus.OPEN)
    if not found:
        return None
    rows = pd.DataFrame(
        [
            (each.dispute_id, each.reason.value, each.person_id, each.by_person or "", each.in_words)
            for each in found
        ],
        columns=list(HEADINGS),
    )
    return Section(
        "disputes",
        "Disputed answers",
        text=(EXPLANATION,),
        tables=(SectionTable("disputes", "Open disputes.", rows, HEADINGS),),
    )
