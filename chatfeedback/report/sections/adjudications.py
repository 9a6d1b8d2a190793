"""Section: items on which people disagreed and that were decided."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from quality.votes import in_classes
from workspaces.kinds import ChoiceQuestion, question_of
from workspaces.store.adjudications import adjudications

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

EXPLANATION = (
    "What was decided ('chatfeedback adjudicate') is the label of these items, whatever the votes. Agreement, "
    "confidence and pay go by the votes alone. Overruled: more than half of the votes said something else."
)
HEADINGS = {
    "kind": "kind",
    "question": "question",
    "decided": "decided",
    "by_others": "not by the lead",
    "overruled": "overruled",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return how many items were decided, by question; ``None`` while there are none."""
    with inputs.workspace.store.read() as connection:
        made = adjudications(connection)
    if not made:
        return None
    about = ["kind", "question", "item"]
    votes = in_classes(inputs.votes[inputs.votes["value"].notna()])
    decided = pd.DataFrame([(it.kind, it.question, it.item) for it in made], columns=about)
    said: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for *key, value in votes.merge(decided, on=about)[[*about, "value"]].itertuples(index=False, name=None):
        said[tuple(key)][str(value)] += 1
    rows: dict[tuple[str, str], list[int]] = {}
    for it in made:
        question = question_of(it.kind, it.question)
        assert isinstance(question, ChoiceQuestion)
        counts = said[it.kind, it.question, it.item]
        most = next((value for value, count in counts.items() if 2 * count > counts.total()), None)
        row = rows.setdefault((it.kind, it.question), [0, 0, 0])
        row[0] += 1
        row[1] += it.person_id is not None
        row[2] += most is not None and most != question.class_of(it.value or "")
    table = pd.DataFrame([(*key, *row) for key, row in sorted(rows.items())], columns=list(HEADINGS))
    return Section(
        "adjudications",
        "Adjudicated items",
        text=(EXPLANATION,),
        tables=(SectionTable("adjudications", "Decided items by question.", table, HEADINGS),),
    )
