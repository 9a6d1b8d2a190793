"""Section: seed feedback compared with people: confusion matrices, agreement, anchoring."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Interval, intervals, matrix
from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.seed_feedback import ALL_QUESTIONS, anchoring, seed_agreement
from workspaces.grammar import counted

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.seed_feedback import Anchoring, SeedAgreement

NAMES = {"na": "N/A", "no": "No", "yes": "Yes"}
HEADINGS = {
    "judge": "judge",
    "question": "question",
    "responses": "responses",
    "percent_agreement": "equal pairs",
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
"""The most judges whose matrices are drawn; the tables hold all judges."""

EXPLANATION = (
    "The seed is a machine's opinion and never counts as a person's answer. Here it is held against the majority of "
    "people who did not see it, a pair for each response; tied responses are left out."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return the agreement of each judge with people who did not see its seed, and the anchoring effect of its seed."""
    if inputs.seeds.empty or inputs.votes.empty:
        return None
    shown = inputs.tasks.loc[inputs.tasks["shown"].notna(), "task_id"]
    agreements = seed_agreement(inputs.votes, inputs.seeds, set(shown))
    effects = anchoring(inputs.votes, inputs.seeds, inputs.tasks)
    compared = [agreement for agreement in agreements if agreement.confusion.total]
    judges = sorted({agreement.judge for agreement in compared})[:MOST_JUDGES]
    figures = [
        _matrix(agreement, named=len(judges) > 1) for agreement in compared if agreement.judge in judges
    ]
    rows = _agreement(agreements)
    tables = [SectionTable("seed_agreement", "The seed against people's majority.", rows, HEADINGS)]
    tables.append(_confusions(agreements))
    text = [EXPLANATION]
    if any(effect.value is not None for effect in effects):
        figures.append(_anchoring_plot(effects))
        table = pd.DataFrame([asdict(effect) for effect in effects])
        tables.append(
            SectionTable("anchoring", "How much seeing the seed sways people.", table, ANCHORING_HEADINGS)
        )
    overall = [effect for effect in effects if effect.question == ALL_QUESTIONS]
    text += [
        f"Anchoring ({effect.judge}): {effect.sentence}" if effect.judge else f"Anchoring: {effect.sentence}"
        for effect in overall
    ]
    return Section(
        "seeds", "Seed feedback against people", tuple(text), figures=tuple(figures), tables=tuple(tables)
    )


def _matrix(agreement: SeedAgreement, *, named: bool) -> Figure:
    percent, kappa = agreement.coefficients["percent_agreement"], agreement.coefficients["kappa"]
    confusion, question = agreement.confusion, agreement.question
    names = [NAMES[value] for value in confusion.values]
    description = f"{question}: {percent.sentence}"
    plot = matrix(names, confusion.counts, question, description, rows="people", columns="seed")
    caption = f"{float(percent):.0%} of {counted(confusion.total, 'pair')} equal"
    if kappa.value is not None:
        caption += f", kappa {signed(f'{kappa.value:.2f}')}"
    return Figure(plot, f"{agreement.judge}: {caption}." if named else f"{caption}.")


def _anchoring_plot(effects: tuple[Anchoring, ...]) -> Figure:
    rows = [
        Interval(
            effect.question,
            effect.value,
            effect.low,
            effect.high,
            "not known",
            effect.judge,
            effect.low is not None and effect.low > 0,
        )
        for effect in effects
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
        "Share of the votes on a task, on average, that agree with the seed where it is shown, minus that where it is "
        "hidden, with its 95 % interval. Triangles: seeing it surely sways people.",
    )


def _agreement(agreements: tuple[SeedAgreement, ...]) -> pd.DataFrame:
    rows = []
    for agreement in agreements:
        row: dict[str, object] = {
            "judge": agreement.judge,
            "question": agreement.question,
            "responses": agreement.confusion.total,
        }
        for name, coefficient in agreement.coefficients.items():
            row |= {name: coefficient.value, f"{name}_low": coefficient.low, f"{name}_high": coefficient.high}
        sentence = agreement.coefficients["percent_agreement"].sentence
        rows.append(row | {"tied": agreement.n_tied, "sentence": sentence})
    return pd.DataFrame(rows)


def _confusions(agreements: tuple[SeedAgreement, ...]) -> SectionTable:
    rows = [
        (agreement.judge, agreement.question, people, seed, count)
        for agreement in agreements
        for people, line in zip(agreement.confusion.values, agreement.confusion.counts, strict=True)
        for seed, count in zip(agreement.confusion.values, line, strict=True)
    ]
    columns = ["judge", "question", "people", "seed", "responses"]
    table = pd.DataFrame(rows, columns=columns)
    return SectionTable("seed_confusion", "The matrices in figures.", table, on_page=False)
