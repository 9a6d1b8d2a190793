"""Section: agreement by language, model, topic and week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from chatfeedback.report.plots import Interval, intervals, known
from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import Figure, Section, SectionTable
from chatfeedback.report.task_attributes import OTHER_MODEL
from quality.agreement.krippendorff import RELIABLE, TENTATIVE
from quality.agreement.overlap import ENOUGH_ITEMS
from quality.agreement_by_group import (
    ALL_QUESTIONS,
    COLUMNS,
    LEAST_PEOPLE,
    MOST_GROUPS,
    UNKNOWN,
    WEEK,
    agreement_by_group,
)
from workspaces.grammar import word_for
from workspaces.kinds import asked_kinds

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.agreement_by_group import GroupAgreement

BY = {"language": ("language",), "model": ("model", OTHER_MODEL), "topic": ("topic",), WEEK: (WEEK,)}
PLURALS = {"language": "languages", "model": "models", "topic": "topics", WEEK: "weeks"}
HEADINGS = {
    "by": "by",
    "group": "group",
    "kind": "kind",
    "question": "question",
    "alpha": "alpha",
    "alpha_low": "from",
    "alpha_high": "to",
    "items": "items compared",
    "voters": "voters compared",
}
EXPLANATION = (
    "Krippendorff's alpha again, of the answers about a part of the items; where several questions stand together, "
    "chance is taken on each. A task counts for each model whose response it shows, and in the week of its last "
    f"answer. Shown are the {MOST_GROUPS} groups with the most answers (the latest {MOST_GROUPS} weeks), where "
    f"{LEAST_PEOPLE} people or more gave answers that can be compared, on {ENOUGH_ITEMS} items or more. Answers "
    "that logs carried count, but for those that they ascribe to nobody."
)
NO_TOPICS = "Topics are not known yet: 'chatfeedback collection topics' finds them."


def _by(attributes: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the columns of each attribute: as many of models as tasks show responses."""
    further = [str(name) for name in attributes.columns if str(name).startswith(f"{OTHER_MODEL}_")]
    return {**BY, "model": (*BY["model"], *further)}


def section(inputs: ReportInputs) -> Section | None:
    """Return the agreement by group of every attribute that has two groups to compare."""
    if inputs.named_votes.empty:
        return None
    agreements = agreement_by_group(inputs.named_votes, inputs.task_attributes, _by(inputs.task_attributes))
    shown = [agreement for agreement in agreements if _is_shown(agreement)]
    tables = []
    if shown:
        by_attribute = [agreement.table.assign(by=agreement.name) for agreement in shown]
        table = pd.concat(by_attribute).sort_values("alpha", kind="stable", ignore_index=True)
        table = table[["by", *COLUMNS]]
        tables.append(
            SectionTable("agreement_by", "Those on which people agree least come first.", table, HEADINGS)
        )
    return Section(
        "agreement-by",
        "Agreement by language, model, topic and week",
        text=(EXPLANATION, *(sentence for agreement in agreements for sentence in _sentences(agreement))),
        figures=tuple(map(_figure, shown)),
        tables=tuple(tables),
    )


def _is_shown(agreement: GroupAgreement) -> bool:
    """Tell whether there are groups to compare; a single group repeats the agreement on each question."""
    return any(len(agreement.overall(kind)) > 1 for kind in asked_kinds())


def _figure(agreement: GroupAgreement) -> Figure:
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
        for row in _rows(agreement, kind)
    ]
    lowest = min((bound for row in rows for bound in (row.low, row.value) if bound is not None), default=0.0)
    plot = intervals(
        rows,
        f"Krippendorff's alpha by {agreement.name}, with its 95 % interval.",
        ticks=[-1, -0.5, 0, 0.5, 1] if lowest < -0.2 else [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1],
        lines={TENTATIVE: "tentative", RELIABLE: "reliable"},
    )
    return Figure(
        plot, f"Alpha by {agreement.name}, with its 95 % interval. Triangles: too low for conclusions."
    )


def _rows(agreement: GroupAgreement, kind: str) -> list[Any]:
    """Return the rows of one kind, the largest group first; weeks in chronological order."""
    rows: list[Any] = list(agreement.overall(kind).itertuples(index=False))
    return rows[::-1] if agreement.name == WEEK else rows


def _sentences(agreement: GroupAgreement) -> list[str]:
    many = PLURALS[agreement.name]
    if agreement.groups == (UNKNOWN,):
        is_topic = agreement.name == "topic"
        return [NO_TOPICS if is_topic else f"Of no answered item the {agreement.name} is known."]
    if len(agreement.groups) == 1:
        return [f"There is one {agreement.name} so far: {agreement.groups[0]}."]
    if not _is_shown(agreement):
        return [f"There are too few answers so far to compare {many} with each other."]
    contrasts = {kind: _contrast(agreement, kind) for kind in asked_kinds()}
    sentences = [sentence for sentence in contrasts.values() if sentence]
    if not sentences:
        sentences = [f"No {agreement.name} stands out: the differences are no larger than chance makes them."]
    if small := agreement.n_considered - agreement.table["group"].nunique():
        have = word_for(small, "has", "have")
        sentences.append(
            f"{small:,} of {agreement.n_considered:,} {many} {have} too few answers to be shown."
        )
    return sentences


def _contrast(agreement: GroupAgreement, kind: str) -> str | None:
    """Return the sentence that names the groups of highest and lowest agreement; ``None`` if it is not significant."""
    extremes = agreement.extremes(kind)
    if extremes is None:
        return None
    alphas = {row.group: signed(f"{row.alpha:.2f}") for row in _rows(agreement, kind)}
    least, most = extremes
    return (
        f"Of all {PLURALS[agreement.name]}, people agree most on {most} (alpha {alphas[most]}) and least on {least} "
        f"({alphas[least]}), on {kind} tasks."
    )
