"""What third persons report about a conversation that they found themselves in; it waits for the lead."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from datetime import datetime

conversation_report = sa.Table(
    "conversation_report",
    metadata,
    sa.Column("report_id", sa.String(24), primary_key=True),
    sa.Column(
        "about", sa.Text, nullable=False, comment="where the conversation was seen, in the reporter's words"
    ),
    sa.Column("reason", sa.Text, nullable=False, comment="what is wrong with it, in the reporter's words"),
    sa.Column("contact", sa.Text, comment="where the reporter can be reached; null: not told"),
    sa.Column("reported_at", UTCDateTime, nullable=False, index=True),
    sa.Column("closed_at", UTCDateTime, comment="null: it waits for the lead"),
    sa.Column("decision", sa.Text, comment="what the lead did, in their words"),
)


@dataclass(frozen=True, slots=True)
class ConversationReport:
    """One report, in the reporter's own words; ``closed_at`` is None while it waits for the lead."""

    report_id: str
    about: str
    reason: str
    contact: str | None
    reported_at: datetime
    closed_at: datetime | None = None
    decision: str | None = None


def save_report(connection: sa.Connection, report: ConversationReport) -> None:
    """Add a report."""
    connection.execute(sa.insert(conversation_report), asdict(report))


def waiting_reports(connection: sa.Connection) -> int:
    """Return how many reports wait for the lead."""
    query = sa.select(sa.func.count()).where(conversation_report.c.closed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def reports(connection: sa.Connection, *, closed: bool = False) -> list[ConversationReport]:
    """Return the reports that wait for the lead, oldest first; with ``closed`` all of them."""
    query = sa.select(conversation_report).order_by(
        conversation_report.c.reported_at, conversation_report.c.report_id
    )
    if not closed:
        query = query.where(conversation_report.c.closed_at.is_(None))
    return [ConversationReport(**row._mapping) for row in connection.execute(query)]


def close_report(connection: sa.Connection, report_id: str, decision: str | None, now: datetime) -> bool:
    """Note that the lead decided about a report and forget how to reach the reporter; return whether it waited."""
    waits = (conversation_report.c.report_id == report_id) & conversation_report.c.closed_at.is_(None)
    done = sa.update(conversation_report).where(waits).values(closed_at=now, decision=decision, contact=None)
    return connection.execute(done).rowcount > 0
