"""Section: answers of people about conversations that they gave themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.section import Section, SectionTable
from workspaces.config.people import OwnLogs
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

_RULES = {
    OwnLogs.ALLOWED: "They count like all others, because 'quality.own' allows them.",
    OwnLogs.MARKED: "They are in no figure above, no gold and no training set, and are paid by 'rates.own'.",
    OwnLogs.REFUSED: "They are in no figure above, no gold and no training set, and earn nothing.",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return how many own answers each person gave to each kind; ``None`` if there are none."""
    own = inputs.own
    if own.empty:
        return None
    table = own.groupby(["person", "kind"], sort=True).size().rename("answers").reset_index()
    table = table.sort_values("answers", ascending=False, kind="stable", ignore_index=True)
    given = f"{counted(len(own), 'answer')} by {counted(own['person'].nunique(), 'person')}"
    rule = _RULES[inputs.workspace.config.quality.own]
    return Section(
        "own",
        "Answers about one's own conversations",
        text=(f"{given} {word_for(len(own), 'is', 'are')} about conversations that they gave. {rule}",),
        tables=(SectionTable("own_answers", "Own answers, the most first.", table),),
    )
