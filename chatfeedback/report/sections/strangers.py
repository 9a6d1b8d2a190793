"""Section: people who answered and do not count: they were not invited, or barred after a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from workspaces.registry import PLATFORMS
from workspaces.store.members import MemberStatus
from workspaces.store.standing import held_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "Nobody invited these people. Their answers are in no figure of this report, in no training set, and are not paid, "
    "until 'chatfeedback people accept' lets them count."
)
BARRED = (
    "After a review the lead set the answers of these people aside: they are in no figure, in no training set, and "
    "earn nothing. 'chatfeedback people accept' lets them count again."
)
HEADINGS = {"person": "person", "platform": "platform", "held_answers": "answers that wait"}
BARRED_HEADINGS = {"person": "person", "platform": "platform", "barred_answers": "answers set aside"}


def section(inputs: ReportInputs) -> Section | None:
    """Return the strangers and the barred people, and how many answers of each do not count."""
    with inputs.workspace.store.read() as connection:
        held = held_answers(connection)
        barred = held_answers(connection, MemberStatus.BARRED)
    if not held and not barred:
        return None
    text = [EXPLANATION] * bool(held) + [BARRED] * bool(barred)
    tables = [SectionTable("strangers", "Answers that wait.", _rows(held, HEADINGS), HEADINGS)] * bool(held)
    tables += [
        SectionTable("barred", "Answers set aside.", _rows(barred, BARRED_HEADINGS), BARRED_HEADINGS)
    ] * bool(barred)
    title = "People who were not invited" if held else "People whose answers were set aside"
    return Section("strangers", title, text=tuple(text), tables=tuple(tables))


def _rows(answers: Mapping[tuple[str, str], int], headings: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [(person_id, PLATFORMS[platform].title, count) for (person_id, platform), count in answers.items()],
        columns=list(headings),
    )
