"""Section: people who answered and were not invited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from workspaces.registry import PLATFORMS
from workspaces.store.standing import held_answers

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "Nobody invited these people. Their answers are in no figure of this report, in no training set, and are not paid, "
    "until 'chatfeedback people accept' lets them count."
)
HEADINGS = {"person": "person", "platform": "platform", "held_answers": "answers that wait"}


def section(inputs: ReportInputs) -> Section | None:
    """Return the strangers, and how many answers of each wait."""
    with inputs.workspace.store.read() as connection:
        held = held_answers(connection)
    if not held:
        return None
    rows = pd.DataFrame(
        [(person_id, PLATFORMS[platform].title, count) for (person_id, platform), count in held.items()],
        columns=list(HEADINGS),
    )
    return Section(
        "strangers",
        "People who were not invited",
        text=(EXPLANATION,),
        tables=(SectionTable("strangers", "Answers that wait.", rows, HEADINGS),),
    )
