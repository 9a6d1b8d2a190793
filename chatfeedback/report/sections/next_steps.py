"""Section: next steps (unclear questions, people to talk to, items that need one more answer)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from quality.disputed import disputed_items
from workspaces.grammar import counted, word_for
from workspaces.store.adjudications import decisions

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

MOST_STEPS = 12
_ABOUT = ["kind", "question", "item"]
HEADINGS = {
    "kind": "kind",
    "task_id": "task",
    "platform": "platform",
    "item": "item",
    "answers": "answers to its tied questions",
}


def section(inputs: ReportInputs) -> Section:
    """Return the steps, the most urgent first, and the items to re-route."""
    tasks = inputs.tasks.set_index("task_id")
    with inputs.workspace.store.read() as connection:
        decided = pd.MultiIndex.from_tuples(list(decisions(connection)), names=_ABOUT)
    votes = inputs.platform_votes
    undecided = votes[~pd.MultiIndex.from_frame(votes[_ABOUT]).isin(decided)]
    tied = disputed_items(undecided, tasks["overlap"])
    tied.insert(2, "platform", tied["task_id"].map(tasks["platform"]))
    steps = list(inputs.report.next_steps)
    if len(steps) > MOST_STEPS:
        steps[MOST_STEPS:] = [
            f"And {counted(len(steps) - MOST_STEPS, 'more step')} of this kind: the tables below name them."
        ]
    tables: tuple[SectionTable, ...] = ()
    if len(tied):
        items = f"{counted(len(tied), 'item')}: {word_for(len(tied), 'its', 'their')}"
        steps.append(
            f"Ask one more person about {items} votes are tied on {counted(int(tied['n_tied'].sum()), 'question')} in "
            "all, though as many have come as were asked for. The table names them. Or decide them: 'chatfeedback "
            "adjudicate list'."
        )
        tables = (
            SectionTable("items_to_reroute", "Items to re-route: their votes are tied.", tied, HEADINGS),
        )
    return Section("next", "What to do next", steps=tuple(steps), tables=tables)
