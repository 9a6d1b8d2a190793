"""The seed feedback against people: confusion, agreement, anchoring."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Interval, intervals, matrix
from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.seed_feedback import ALL_QUESTIONS, anchoring, seed_agreement

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.seed_feedback import Anchoring, SeedAgreement

NAMES = {"na": "N/A", "no": "No", "yes": "Yes"}
HEADINGS = {
    "judge": "judge",
    "question": "question",
    "responses": "responses",
    "percent_agreement": "agrees",
    "kappa": "kappa",
    "kappa_low": "from",
    "kappa_high": "to",
    "ac1": "AC1",
    "tied": "tied",
}
ANCHORING_HEADINGS = {
    "judge": "judge",
    "question": "question",
    "agree_shown": "agrees, shown",
    "agree_hidden": "agrees, hidden",
    "value": "difference",
    "low": "from",
    "high": "to",
    "n_shown": "tasks shown",
    "n_hidden": "tasks hidden",
}
MOST_JUDGES = 3
"""Judges whose matrices are drawn; the tables hold all."""

EXPLANATION = (
    "The seed is a machine's opinion and never counts as a person's answer. Here it is held against the majority of "
    "people who did not see it; tied responses are left out."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return how each judge compares with people who did not see its seed, and how much seeing it sways people."""
    if inputs.seeds.empty or inputs.votes.empty:
        return None
    shown = inputs.tasks.loc[inputs.tasks["shown"].notna(), "task_id"]
    found = seed_agreement(inputs.votes, inputs.seeds, set(shown))
    swayed = anchoring(inputs.votes, inputs.seeds, inputs.tasks)
    compared = [one for one in found if one.confusion.total]
    judges = sorted({one.judge for one in compared})[:MOST_JUDGES]
    figures = [_matrix(one, named=len(judges) > 1) for one in compared if one.judge in judges]
    tables = [
        SectionTable("seed_agreement", "The seed against people's majority.", _agreement(found), HEADINGS)
    ]
    tables.append(_confusions(found))
    text = [EXPLANATION]
    if any(one.value is not None for one in swayed):
        figures.append(_swayed(swayed))
        table = pd.DataFrame([asdict(one) for one in swayed])
        tables.append(
            SectionTable("anchoring", "How much seeing the seed sways people.", table, ANCHORING_HEADINGS)
        )
    overall = [one for one in swayed if one.question == ALL_QUESTIONS]
    text += [
        f"Anchoring ({one.judge}): {one.sentence}" if one.judge else f"Anchoring: {one.sentence}"
        for one in overall
    ]
    return Section(
        "seeds", "Seed feedback against people", tuple(text), figures=tuple(figures), tables=tuple(tables)
    )


def _matrix(one: SeedAgreement, *, named: bool) -> Figure:
    percent, kappa = one.coefficients["percent_agreement"], one.coefficients["kappa"]
    names = [NAMES[value] for value in one.confusion.values]
    description = f"{one.question}: {percent.sentence}"
    plot = matrix(names, one.confusion.counts, one.question, description, rows="people", columns="seed")
    caption = f"{float(percent):.0%} of {one.confusion.total:,} alike"
    if kappa.value is not None:
        caption += f", kappa {signed(f'{kappa.value:.2f}')}"
    return Figure(plot, f"{one.judge}: {caption}." if named else f"{caption}.")


def _swayed(found: tuple[Anchoring, ...]) -> Figure:
    rows = [
        Interval(
            one.question,
            one.value,
            one.low,
            one.high,
            "not known",
            one.judge,
            one.low is not None and one.low > 0,
        )
        for one in found
    ]
    reach = max(
        (abs(bound) for row in rows for bound in (row.low, row.high) if bound is not None), default=0.0
    )
    ticks = [-1.0, -0.5, 0, 0.5, 1.0] if reach > 0.4 else [-0.4, -0.2, 0, 0.2, 0.4]
    plot = intervals(
        rows,
        "How much more often people agree with a seed that they see.",
        ticks=ticks,
        lines={0: "no effect"},
        percent=True,
    )
    return Figure(
        plot,
        "Share of answers that agree with the seed where it is shown, minus the share where it is hidden, with its "
        "95 % interval. Triangles: seeing it surely sways people.",
    )


def _agreement(found: tuple[SeedAgreement, ...]) -> pd.DataFrame:
    rows = []
    for one in found:
        row: dict[str, object] = {
            "judge": one.judge,
            "question": one.question,
            "responses": one.confusion.total,
        }
        for name, coefficient in one.coefficients.items():
            row |= {name: coefficient.value, f"{name}_low": coefficient.low, f"{name}_high": coefficient.high}
        rows.append(row | {"tied": one.n_tied, "sentence": one.coefficients["percent_agreement"].sentence})
    return pd.DataFrame(rows)


def _confusions(found: tuple[SeedAgreement, ...]) -> SectionTable:
    rows = [
        (one.judge, one.question, people, seed, count)
        for one in found
        for people, line in zip(one.confusion.values, one.confusion.counts, strict=True)
        for seed, count in zip(one.confusion.values, line, strict=True)
    ]
    columns = ["judge", "question", "people", "seed", "responses"]
    table = pd.DataFrame(rows, columns=columns)
    return SectionTable("seed_confusion", "The matrices in figures.", table, on_page=False)
