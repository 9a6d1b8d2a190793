"""Computes agreement, confidence, item posteriors and flags for review from the answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import read_answers
from workspaces.store.adjudications import decisions
from workspaces.store.agreements import QuestionAgreement, save_agreement
from workspaces.store.closings import save_closings
from workspaces.store.confidences import (
    OVERALL,
    ConfidencePrior,
    PersonConfidence,
    latest_snapshot,
    replace_priors,
    save_confidence,
)
from workspaces.store.deletions import forgotten_people
from workspaces.store.flags import save_findings
from workspaces.store.members import members
from workspaces.store.posteriors import replace_posteriors
from workspaces.store.rules import all_rules
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.who_answered import imported_people
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from chatfeedback.steps.answers import Answers
    from quality import Confidence, Report
    from workspaces.workspace import Workspace


def evaluate(workspace: Workspace, answers: Answers | None = None) -> Report:
    """Compute agreement and confidence, and store snapshots of both (with gold accuracy and self-consistency)
    and the posterior of every item, which settlement, exports and the drawing of tasks read.

    The same answers give the same figures, which are then not written again. A caller that has the result of
    ``read_answers`` may pass it as ``answers``.
    """
    from quality import build_report, item_posteriors  # pandas and scipy take a second to import
    from quality.closing import closed

    now = utc_now()
    with workspace.exclusive():
        answers = answers or read_answers(workspace)
        with workspace.store.read() as connection:
            absent = imported_people(connection) - {each.person_id for each in members(connection)}
            before = latest_snapshot(connection)
            decided = decisions(connection)
        adaptive = {task.id for task in answers.tasks.values() if task.least_answers is not None}
        report = build_report(answers.votes, absent, answers.gold, answers.repeats, adaptive)
        posteriors = list(item_posteriors(answers.votes, decided))
        snapshot = [
            _row(now, person.person, question, confidence)
            for person in (*report.people, *report.raters)
            for question, confidence in {OVERALL: person.confidence, **person.by_question}.items()
        ]
        same = {key: replace(row, snapshot_at=now) for key, row in before.items()}
        if same != {(row.person_id, row.question): row for row in snapshot}:
            with workspace.store.write() as connection:
                save_confidence(connection, snapshot)
        with workspace.store.write() as connection:
            replace_posteriors(connection, posteriors, now)
            replace_priors(connection, _priors(report))
            save_agreement(connection, _agreement(now, report))
            if workspace.config.rates.vests or any(version.rates.vests for version in all_rules(connection)):
                given = [*answers.annotations, *answers.own]
                sure = workspace.config.rates.vested_when_sure
                save_closings(connection, closed(posteriors, given, answers.tasks, sure), now)
        _screen(workspace, answers)
    return report


def _screen(workspace: Workspace, answers: Answers) -> None:
    """Screen every answer and store the findings as flags. The caller holds the lock of the workspace.

    Forgotten people, and people whose answers all came with chat logs, are never flagged.
    """
    from quality.screening import screen  # pandas and scipy take a second to import
    from quality.seed_feedback import seed_table

    with workspace.store.read() as connection:
        spared = forgotten_people(connection) | imported_people(connection)
        seeds = seed_table(all_seeds(connection))
    level = workspace.config.quality.screening.level
    findings = screen(answers.votes, answers.annotations, answers.tasks, level, seeds, answers.times)
    rows = [
        (finding.person, finding.reason.value, dict(finding.evidence), finding.weight)
        for finding in findings
        if finding.person not in spared
    ]
    with workspace.store.write() as connection:
        save_findings(connection, rows, utc_now())


def _agreement(now: datetime, report: Report) -> list[QuestionAgreement]:
    return [
        QuestionAgreement(
            snapshot_at=now,
            kind=each.kind,
            question=each.question,
            alpha=each.headline.value,
            low=each.headline.low,
            high=each.headline.high,
            n_votes=each.n_votes,
            n_items=each.n_items,
            n_voters=each.n_voters,
        )
        for each in report.questions
    ]


def _priors(report: Report) -> list[ConfidencePrior]:
    overall = {} if report.prior is None else {OVERALL: report.prior}
    return [
        ConfidencePrior(question, prior.mean, prior.strength)
        for question, prior in {**report.priors, **overall}.items()
    ]


def _row(now: datetime, person_id: str, question: str, confidence: Confidence) -> PersonConfidence:
    gold, again = confidence.gold_accuracy, confidence.self_consistency
    return PersonConfidence(
        snapshot_at=now,
        person_id=person_id,
        question=question,
        value=confidence.value,
        low=confidence.low,
        high=confidence.high,
        n_answers=confidence.n_compared,
        n_divergent=confidence.n_divergent,
        multiplier=confidence.multiplier,
        gold_accuracy=gold.value if gold else None,
        gold_low=gold.low if gold else None,
        gold_high=gold.high if gold else None,
        gold_answers=gold.n_items if gold else None,
        gold_right=gold.n_matching if gold else None,
        self_consistency=again.value if again else None,
        self_low=again.low if again else None,
        self_high=again.high if again else None,
        repeated_answers=again.n_items if again else None,
        repeated_alike=again.n_matching if again else None,
    )
