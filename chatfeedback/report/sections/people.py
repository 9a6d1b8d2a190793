"""Section: people by confidence and number of answers, under their pseudonyms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Dot, scatter
from chatfeedback.report.section import Figure, Section, SectionTable
from quality.report.explanations import CONFIDENCE, EXPECTED_SHARE
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from quality import Check

MOST_DOTS = 2000
HEADINGS = {
    "person": "person",
    "votes": "votes",
    "confidence": "confidence",
    "low": "from",
    "high": "to",
    "divergent": "divergent",
    "multiplier": "multiplier",
    "gold_votes": "gold votes",
    "gold_right": "right",
    "gold_accuracy": "gold accuracy",
    "repeated_votes": "given twice",
    "repeated_alike": "alike",
    "self_consistency": "self-consistency",
}

COUNTED = ("gold_votes", "gold_right", "repeated_votes", "repeated_alike")
ESTIMATED = ("gold_accuracy", "self_consistency")
"""Shares that are drawn towards everybody's, while what was counted is few."""


def section(inputs: ReportInputs) -> Section | None:
    """Return each person's confidence and number of answers, those of lowest confidence first."""
    people = _table(inputs)
    if people.empty:
        return None
    dots = [
        Dot(
            max(person.n_votes, 1),
            person.confidence.value,
            person.confidence.low,
            person.confidence.high,
            f"{person.person}: confidence {person.confidence.value:.2f} from {counted(person.n_votes, 'vote')}",
            person.confidence.multiplier < 1,
        )
        for person in sorted(inputs.report.people, key=lambda person: person.confidence.value)[:MOST_DOTS]
    ]
    marked = int((people["multiplier"] < 1).sum())
    more = f" The {MOST_DOTS:,} people of lowest confidence are drawn." if len(people) > MOST_DOTS else ""
    plot = scatter(
        dots,
        f"Confidence of {counted(len(people), 'person')} against the number of votes. {marked:,} of them "
        f"{word_for(marked, 'earns', 'earn')} less for answers that go against the others'.",
        "votes (logarithmic)",
        "confidence",
    )
    text = [CONFIDENCE, *_checks(inputs)]
    return Section(
        "people",
        "People",
        text=tuple(text),
        figures=(
            Figure(
                plot,
                "Each dot is a person. Triangles: much feedback that surely goes against everyone else's, which lowers "
                f"what later answers earn.{more}",
            ),
        ),
        tables=(
            SectionTable("people", "People, those of lowest confidence first.", people, _headings(people)),
        ),
    )


def _table(inputs: ReportInputs) -> pd.DataFrame:
    people = pd.DataFrame(
        [
            (
                person.person,
                person.n_votes,
                person.confidence.value,
                person.confidence.low,
                person.confidence.high,
                round(person.confidence.n_divergent, 1),
                person.confidence.multiplier,
                *_check(person.confidence.gold_accuracy),
                *_check(person.confidence.self_consistency),
            )
            for person in inputs.report.people
        ],
        columns=[*HEADINGS],
    )
    return (
        people.astype(dict.fromkeys(COUNTED, "Int64"))
        .astype(dict.fromkeys(ESTIMATED, "float64"))
        .sort_values(["confidence", "person"], ignore_index=True)
    )


def _check(check: Check | None) -> tuple[int | None, int | None, float | None]:
    return (None, None, None) if check is None else (check.n_items, check.n_matching, check.value)


def _headings(people: pd.DataFrame) -> dict[str, str]:
    """Return the headings of the columns that have a value for somebody."""
    return {column: heading for column, heading in HEADINGS.items() if people[column].notna().any()}


def _checks(inputs: ReportInputs) -> list[str]:
    people = [person.confidence for person in inputs.report.people]
    sentences = []
    for checks, about, how in (
        ([person.gold_accuracy for person in people], "on gold tasks", "right"),
        (
            [person.self_consistency for person in people],
            "on a task that was asked twice",
            "the same both times",
        ),
    ):
        given = [check for check in checks if check is not None]
        if given:
            matching, items = sum(each.n_matching for each in given), sum(each.n_items for each in given)
            are = word_for(matching, "is", "are")
            sentences.append(
                f"{matching:,} of {counted(items, 'vote')} {about} {are} {how} ({counted(len(given), 'person')})."
            )
    return [*sentences, EXPECTED_SHARE] if sentences else []
