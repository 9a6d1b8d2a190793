"""Agreement by language, model, topic and week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from chatfeedback.report.plots import Interval, intervals, known
from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.agreement.krippendorff import RELIABLE, TENTATIVE
from quality.agreement_by_group import (
    ALL_QUESTIONS,
    COLUMNS,
    LEAST_PEOPLE,
    MOST_GROUPS,
    UNKNOWN,
    WEEK,
    agreement_in_parts,
)
from quality.report import ENOUGH_ITEMS
from workspaces.kinds import asked_kinds

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.agreement_by_group import Part

BY = {"language": ("language",), "model": ("model", "other_model"), "topic": ("topic",), WEEK: (WEEK,)}
PLURALS = {"language": "languages", "model": "models", "topic": "topics", WEEK: "weeks"}
HEADINGS = {
    "by": "by",
    "group": "group",
    "kind": "kind",
    "question": "question",
    "alpha": "alpha",
    "alpha_low": "from",
    "alpha_high": "to",
    "items": "items",
    "people": "people",
}
EXPLANATION = (
    "Krippendorff's alpha again, of the answers about a part of the items; where several questions stand together, "
    "chance is taken on each. A comparison counts for both models that it compares, a task in the week of its last "
    f"answer. Shown are the {MOST_GROUPS} groups with the most answers (the latest {MOST_GROUPS} weeks), where "
    f"{LEAST_PEOPLE} people or more gave answers that can be compared, on {ENOUGH_ITEMS} items or more. Answers "
    "that logs carried count, but for those that they ascribe to nobody."
)
NO_TOPICS = "Topics are not known yet: 'chatfeedback collection topics' finds them."


def section(inputs: ReportInputs) -> Section | None:
    """Return where people agree and where they do not, by everything with two groups to compare."""
    if inputs.named.empty:
        return None
    parts = agreement_in_parts(inputs.named, inputs.subjects, BY)
    found = [part.table.assign(by=part.name) for part in parts if _is_shown(part)]
    tables = []
    if found:
        table = pd.concat(found).sort_values("alpha", kind="stable", ignore_index=True)[["by", *COLUMNS]]
        tables.append(
            SectionTable("agreement_by", "Those on which people agree least come first.", table, HEADINGS)
        )
    return Section(
        "agreement-by",
        "Agreement by language, model, topic and week",
        text=(EXPLANATION, *(sentence for part in parts for sentence in _sentences(part))),
        figures=tuple(_figure(part) for part in parts if _is_shown(part)),
        tables=tuple(tables),
    )


def _is_shown(part: Part) -> bool:
    """Tell whether there are groups to compare; one alone says what the agreement on each question says."""
    return any(len(part.overall(kind)) > 1 for kind in asked_kinds())


def _figure(part: Part) -> Figure:
    rows = [
        Interval(
            row.group,
            known(row.alpha),
            known(row.alpha_low),
            known(row.alpha_high),
            note="undefined: all alike",
            group=f"{kind}, {row.question}" if row.question == ALL_QUESTIONS else row.question,
            marked=row.alpha < TENTATIVE,
        )
        for kind in asked_kinds()
        for row in _rows(part, kind)
    ]
    lowest = min((bound for row in rows for bound in (row.low, row.value) if bound is not None), default=0.0)
    plot = intervals(
        rows,
        f"Krippendorff's alpha by {part.name}, with its 95 % interval.",
        ticks=[-1, -0.5, 0, 0.5, 1] if lowest < -0.2 else [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1],
        lines={TENTATIVE: "tentative", RELIABLE: "reliable"},
    )
    return Figure(plot, f"Alpha by {part.name}, with its 95 % interval. Triangles: too low for conclusions.")


def _rows(part: Part, kind: str) -> list[Any]:
    """Return the rows of one kind: the largest group first, weeks as they went by."""
    rows: list[Any] = list(part.overall(kind).itertuples(index=False))
    return rows[::-1] if part.name == WEEK else rows


def _sentences(part: Part) -> list[str]:
    many = PLURALS[part.name]
    if part.groups == (UNKNOWN,):
        return [NO_TOPICS] if part.name == "topic" else [f"Of no answered item the {part.name} is known."]
    if len(part.groups) == 1:
        return [f"There is one {part.name} so far: {part.groups[0]}."]
    if not _is_shown(part):
        return [f"There are too few answers so far to compare {many} with each other."]
    contrasts = {kind: _contrast(part, kind) for kind in asked_kinds()}
    found = [sentence for sentence in contrasts.values() if sentence]
    if not found:
        found = [f"No {part.name} stands out: the differences are no larger than chance makes them."]
    if small := part.n_asked - part.table["group"].nunique():
        have = "has" if small == 1 else "have"
        found.append(f"{small:,} of {part.n_asked:,} {many} {have} too few answers to be shown.")
    return found


def _contrast(part: Part, kind: str) -> str | None:
    """Return which group people agree on most and least; ``None`` where that cannot be told."""
    extremes = part.extremes(kind)
    if extremes is None:
        return None
    alphas = {row.group: signed(f"{row.alpha:.2f}") for row in _rows(part, kind)}
    least, most = extremes
    return (
        f"Of all {PLURALS[part.name]}, people agree most on {most} (alpha {alphas[most]}) and least on {least} "
        f"({alphas[least]}), on {kind} tasks."
    )
