"""Section: judges on trial, and people's rates of each quality with and without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from quality.seed_feedback import agreement_by_week, blind_votes, calibration, judge_rates, seed_agreement

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality.seed_feedback import JudgeRate, Said, SeedAgreement

EXPLANATION = (
    "Each judge (a model with a version of its prompt) is held against the majority of people who did not see what it "
    "said. Trust an answer of its as far as the first table says."
)
CORRECTED = (
    "A judge was taught by corrections. They are drawn from {taught:,} responses that a hash sets apart; no figure "
    "here rests on these."
)
RATES = (
    "How often people say yes, over all responses with seed feedback: by the human sample alone, and with the judge's "
    "answers to all others (prediction-powered, PPI++). Both have 95 % intervals for other responses and other people; "
    "the second is right however wrong the judge is, and shorter the better it is. The sample is weighted by "
    "significance, as tasks are drawn by it."
)
SAID = {
    "judge": "judge",
    "question": "question",
    "said": "it says",
    "n_items": "responses",
    "value": "people say the same",
    "low": "from",
    "high": "to",
}
RATE = {
    "judge": "judge",
    "question": "question",
    "human": "people alone",
    "human_low": "people, from",
    "human_high": "people, to",
    "powered": "with the judge",
    "powered_low": "judge, from",
    "powered_high": "judge, to",
    "responses": "answered",
    "predicted": "judged only",
}
WEEK = {
    "judge": "judge",
    "question": "question",
    "week": "week",
    "responses": "responses",
    "kappa": "kappa",
    "kappa_low": "kappa, from",
    "kappa_high": "kappa, to",
    "ac1": "AC1",
    "ac1_low": "AC1, from",
    "ac1_high": "AC1, to",
}


def section(inputs: ReportInputs) -> Section | None:
    """Return each judge's calibration, its agreement over time, and the rates that it helps to estimate."""
    if inputs.seeds.empty or inputs.votes.empty:
        return None
    shown = inputs.tasks.loc[inputs.tasks["shown"].notna(), "task_id"]
    votes = blind_votes(inputs.votes, set(shown), inputs.taught)
    agreements = [it for it in seed_agreement(votes, inputs.seeds) if it.confusion.total]
    if not agreements:
        return None
    weekly = agreement_by_week(votes, inputs.seeds, inputs.task_attributes["week"])
    tables = [
        SectionTable(
            "judge_calibration", "How far each answer can be trusted.", _said(calibration(agreements)), SAID
        ),
        SectionTable("judge_rates", RATES, _rates(judge_rates(votes, inputs.seeds)), RATE),
        SectionTable("judge_by_week", "Agreement by the week of people's answers.", _weeks(weekly), WEEK),
    ]
    text = [EXPLANATION]
    if inputs.taught:
        text.append(CORRECTED.format(taught=len(inputs.taught)))
    return Section("judges", "Judges on trial", tuple(text), tables=tuple(tables))


def _said(rows: tuple[Said, ...]) -> pd.DataFrame:
    columns = ["judge", "question", "said", "n_items", "n_same", "value", "low", "high"]
    return pd.DataFrame([[getattr(row, name) for name in columns] for row in rows], columns=columns)


def _rates(rates: tuple[JudgeRate, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "judge": it.judge,
                "question": it.question,
                "human": it.human.value,
                "human_low": it.human.low,
                "human_high": it.human.high,
                "powered": it.powered.value,
                "powered_low": it.powered.low,
                "powered_high": it.powered.high,
                "power": it.powered.power,
                "responses": it.powered.n_items,
                "people": it.powered.n_people,
                "predicted": it.powered.n_predicted,
            }
            for it in rates
        ],
        columns=[*list(RATE)[:8], "power", "responses", "people", "predicted"],
    )


def _weeks(weekly: tuple[tuple[str, SeedAgreement], ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "judge": agreement.judge,
                "question": agreement.question,
                "week": week,
                "responses": agreement.confusion.total,
                **{
                    f"{name}{end}": getattr(agreement.coefficients[name], end.removeprefix("_") or "value")
                    for name in ("kappa", "ac1")
                    for end in ("", "_low", "_high")
                },
            }
            for week, agreement in sorted(weekly, key=lambda it: (it[1].judge, it[1].question, it[0]))
        ],
        columns=list(WEEK),
    )
