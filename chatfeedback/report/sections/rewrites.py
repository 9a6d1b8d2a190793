"""Section: what other people's votes said of rewrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from chatfeedback.steps.rewrite_votes import judged_rewrites
from workspaces.grammar import counted

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs


def section(inputs: ReportInputs) -> Section | None:
    """Return how many rewrites others accepted, rejected, or have yet to judge; ``None`` if they are asked of none."""
    judged = judged_rewrites(inputs.workspace)
    if not judged.tallies:
        return None
    needed = inputs.workspace.config.rates.bonuses.accepted_by
    rows: dict[str, list[int]] = {}
    for tally in judged.tallies:
        counts = rows.setdefault(tally.outcome(needed).value, [0, 0, 0, 0])
        for place, count in enumerate((1, tally.better, tally.worse, tally.ties)):
            counts[place] += count
    columns = ["rewrites", "prefer_the_rewrite", "prefer_the_response", "ties"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("outcome").reset_index()
    rule = (
        f"A rewrite is accepted once {needed} people or more, and more than half of all who judged it, prefer it to "
        "the response, without knowing which is which."
    )
    own = f"{counted(judged.own_answers, 'answer')} of writers about their own rewrites: in no figure, earning nothing."
    compared = (
        f"Accepted rewrites are counterparts to other responses to their prompts: {judged.accepted:,} today, in "
        f"{counted(judged.comparing, 'task')} so far, with {counted(judged.comparisons, 'answer')}."
    )
    return Section(
        "rewrites",
        "Rewrites",
        text=(
            rule,
            *[compared] * (judged.accepted or judged.comparing > 0),
            *[own] * (judged.own_answers > 0),
        ),
        tables=(SectionTable("rewrites", "Rewrites by what others said of them.", table),),
    )
