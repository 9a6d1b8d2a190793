"""Section: agreement on every question, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Interval, intervals
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.agreement.krippendorff import RELIABLE, TENTATIVE
from quality.report.explanations import EQUAL_PAIRS

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs

HEADINGS = {
    "kind": "kind",
    "question": "question",
    "votes": "votes",
    "items": "items",
    "voters": "voters",
    "alpha": "alpha",
    "alpha_low": "from",
    "alpha_high": "to",
    "ac1": "AC1",
    "percent_agreement": "equal pairs",
    "verdict": "in words",
}

EXPLANATION = (
    "Krippendorff's alpha: 1 is full agreement, 0 is what chance would give. Where nearly all answers are the same, "
    "alpha is low whatever people do: look at Gwet's AC1 and the share of equal pairs beside it. "
    f"{EQUAL_PAIRS} "
    "Answers that logs carried count; those that a log ascribes to nobody, as one person's in each conversation."
)


AUDITED = (
    "Of {names}, agreement is measured on the audit slice alone: the tasks that stay open for all. Others "
    "close once their answers agree, so what they have more answers of is what people differ on. Votes, items and "
    "voters are all."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return the headline alpha of every question, and every coefficient in the table."""
    questions = inputs.report.questions
    if not questions:
        return None
    rows = [
        Interval(
            question.question,
            question.headline.value,
            question.headline.low,
            question.headline.high,
            note="undefined, see the table",
            group=question.kind,
            marked=question.headline.value is not None and question.headline.value < TENTATIVE,
        )
        for question in questions
    ]
    lowest = min((bound for row in rows for bound in (row.low, row.value) if bound is not None), default=0.0)
    ticks = [-1, -0.5, 0, 0.5, 1] if lowest < -0.2 else [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]
    table = _table(inputs)
    unclear = [row.label for row in rows if row.marked]
    plot = intervals(
        rows,
        "Krippendorff's alpha of every question with its 95 % interval. "
        + (f"Below {TENTATIVE}: {', '.join(unclear)}." if unclear else f"None is below {TENTATIVE}."),
        ticks=ticks,
        lines={TENTATIVE: "tentative", RELIABLE: "reliable"},
    )
    audited = sorted({question.kind for question in questions if question.audited})
    return Section(
        "agreement",
        "Agreement on each question",
        text=(EXPLANATION, *([AUDITED.format(names=" and ".join(audited))] if audited else [])),
        figures=(
            Figure(
                plot,
                "Alpha and its 95 % interval, for other items and other people of the same kind. Triangles: too low "
                "for conclusions.",
            ),
        ),
        tables=(SectionTable("agreement", "Agreement on each question.", table, _headings(table)),),
    )


def _headings(table: pd.DataFrame) -> dict[str, str]:
    """Return the headings of the columns in the table; without AC1, for example, if there are only ratings."""
    return {column: heading for column, heading in HEADINGS.items() if column in table}


def _table(inputs: ReportInputs) -> pd.DataFrame:
    rows = []
    for question in inputs.report.questions:
        row: dict[str, object] = {
            "kind": question.kind,
            "question": question.question,
            "votes": question.n_votes,
            "items": question.n_items,
            "voters": question.n_voters,
            "alpha": question.headline.value,
            "alpha_low": question.headline.low,
            "alpha_high": question.headline.high,
        }
        for name, coefficient in question.coefficients.items():
            row |= {
                name: coefficient.value,
                f"{name}_low": coefficient.low,
                f"{name}_high": coefficient.high,
            }
        sentence = question.headline.sentence
        rows.append(row | {"verdict": sentence.partition(" (alpha ")[0], "sentence": sentence})
    return pd.DataFrame(rows)
