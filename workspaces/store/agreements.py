"""Dated snapshots of the agreement on each question, as a report computed it, for looking back over time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.moments import after, newest
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

agreement = sa.Table(
    "agreement",
    metadata,
    sa.Column("snapshot_at", UTCDateTime, primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("alpha", sa.Float, comment="null: undefined"),
    sa.Column("low", sa.Float, comment="of the 95 % interval; null: not known"),
    sa.Column("high", sa.Float),
    sa.Column("n_votes", sa.Integer, nullable=False),
    sa.Column("n_items", sa.Integer, nullable=False),
    sa.Column("n_voters", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """The alpha of one question in one snapshot, with its 95 % interval; None where it is undefined or not known."""

    snapshot_at: datetime
    kind: str
    question: str
    alpha: float | None
    low: float | None
    high: float | None
    n_votes: int
    n_items: int
    n_voters: int


def save_agreement(connection: sa.Connection, snapshot: Sequence[QuestionAgreement]) -> None:
    """Add one snapshot, put after the newest one; the same figures as those are not written again."""
    if not snapshot:
        return
    last = newest(connection, agreement.c.snapshot_at)
    if last is not None:
        known = connection.execute(sa.select(agreement).where(agreement.c.snapshot_at == last))
        same = {replace(each, snapshot_at=last) for each in snapshot}
        if same == {QuestionAgreement(**row._mapping) for row in known}:
            return
    at = after(snapshot[0].snapshot_at, last)
    connection.execute(sa.insert(agreement), [asdict(each) | {"snapshot_at": at} for each in snapshot])


def agreement_history(connection: sa.Connection, most: int) -> list[QuestionAgreement]:
    """Return the newest snapshots, at most ``most`` of them, by kind, question and time."""
    moments = sa.select(agreement.c.snapshot_at).distinct().order_by(agreement.c.snapshot_at.desc())
    times = connection.execute(moments.limit(most)).scalars().all()
    query = (
        sa.select(agreement)
        .where(agreement.c.snapshot_at.in_(times))
        .order_by(agreement.c.kind, agreement.c.question, agreement.c.snapshot_at)
    )
    return [QuestionAgreement(**row._mapping) for row in connection.execute(query)]
