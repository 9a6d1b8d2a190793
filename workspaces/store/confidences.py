"""Dated snapshots of each person's confidence, gold accuracy and self-consistency, over all questions and on each.

``quality`` computes them; settlement and exports read the newest. Payment depends on ``multiplier`` alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.moments import after, newest
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

OVERALL = "overall"
"""The question name of a person's confidence over all questions."""

confidence = sa.Table(
    "confidence",
    metadata,
    sa.Column("snapshot_at", UTCDateTime, primary_key=True),
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("low", sa.Float, nullable=False),
    sa.Column("high", sa.Float, nullable=False),
    sa.Column("n_answers", sa.Integer, nullable=False),
    sa.Column("n_divergent", sa.Float, nullable=False, comment="answers against the others' majority"),
    sa.Column("multiplier", sa.Float, nullable=False),
    sa.Column("gold_accuracy", sa.Float, comment="share of right answers to gold, shrunk; null: none given"),
    sa.Column("gold_low", sa.Float),
    sa.Column("gold_high", sa.Float),
    sa.Column("gold_answers", sa.Integer),
    sa.Column("gold_right", sa.Integer),
    sa.Column(
        "self_consistency", sa.Float, comment="share given alike twice, shrunk; null: none asked twice"
    ),
    sa.Column("self_low", sa.Float),
    sa.Column("self_high", sa.Float),
    sa.Column("repeated_answers", sa.Integer),
    sa.Column("repeated_alike", sa.Integer),
)


confidence_prior = sa.Table(
    "confidence_prior",
    metadata,
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("mean", sa.Float, nullable=False, comment="of people's rates of agreement"),
    sa.Column("strength", sa.Float, nullable=False, comment="counted in answers"),
)


@dataclass(frozen=True, slots=True)
class ConfidencePrior:
    """The distribution of people's confidence on a question: what is known of a person who was not measured."""

    question: str
    mean: float
    strength: float


@dataclass(frozen=True, slots=True)
class PersonConfidence:
    """One person's figures on one question in one snapshot. The gold figures are None without answers to gold tasks,
    those of self-consistency without answers to repeated tasks.
    """

    snapshot_at: datetime
    person_id: str
    question: str
    value: float
    low: float
    high: float
    n_answers: int
    n_divergent: float
    multiplier: float
    gold_accuracy: float | None = None
    gold_low: float | None = None
    gold_high: float | None = None
    gold_answers: int | None = None
    gold_right: int | None = None
    self_consistency: float | None = None
    self_low: float | None = None
    self_high: float | None = None
    repeated_answers: int | None = None
    repeated_alike: int | None = None


def save_confidence(connection: sa.Connection, snapshot: Sequence[PersonConfidence]) -> None:
    """Add one snapshot; all its rows have the same ``snapshot_at``, which is put after that of the newest one."""
    if snapshot:
        at = after(snapshot[0].snapshot_at, newest(connection, confidence.c.snapshot_at))
        # dataclasses.asdict copies every value, which takes ten times as long
        names = confidence.columns.keys()
        rows = [{name: getattr(row, name) for name in names} | {"snapshot_at": at} for row in snapshot]
        connection.execute(sa.insert(confidence), rows)


def replace_priors(connection: sa.Connection, priors: Sequence[ConfidencePrior]) -> None:
    """Replace the priors of all questions by those of the newest evaluation."""
    connection.execute(sa.delete(confidence_prior))
    if priors:
        connection.execute(sa.insert(confidence_prior), [asdict(prior) for prior in priors])


def confidence_priors(connection: sa.Connection) -> dict[str, ConfidencePrior]:
    """Return the prior of every question, ``OVERALL`` among them; nothing before the first report."""
    return {
        row.question: ConfidencePrior(**row._mapping)
        for row in connection.execute(sa.select(confidence_prior))
    }


def latest_snapshot(connection: sa.Connection) -> dict[tuple[str, str], PersonConfidence]:
    """Return the newest snapshot by person and question; nothing before the first report."""
    last = sa.select(sa.func.max(confidence.c.snapshot_at)).scalar_subquery()
    query = sa.select(confidence).where(confidence.c.snapshot_at == last)
    return {(row.person_id, row.question): row for row in _rows(connection, query)}


def latest_confidence(connection: sa.Connection) -> dict[str, PersonConfidence]:
    """Return each person's figures over all questions in the newest snapshot."""
    snapshot = latest_snapshot(connection)
    return {person_id: row for (person_id, question), row in snapshot.items() if question == OVERALL}


def newest_confidence(connection: sa.Connection, person_id: str) -> PersonConfidence | None:
    """Return a person's figures over all questions in the newest snapshot that has any."""
    theirs = (confidence.c.person_id == person_id) & (confidence.c.question == OVERALL)
    query = sa.select(confidence).where(theirs).order_by(confidence.c.snapshot_at.desc()).limit(1)
    return next(iter(_rows(connection, query)), None)


def confidence_history(connection: sa.Connection, person_id: str) -> list[PersonConfidence]:
    """Return a person's figures over all questions in every snapshot, oldest first."""
    query = (
        sa.select(confidence)
        .where(confidence.c.person_id == person_id, confidence.c.question == OVERALL)
        .order_by(confidence.c.snapshot_at)
    )
    return _rows(connection, query)


def _rows(connection: sa.Connection, query: sa.Executable) -> list[PersonConfidence]:
    return [PersonConfidence(**row._mapping) for row in connection.execute(query)]
