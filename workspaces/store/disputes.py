"""Disputes: what a platform says of an answer and the workbench does not believe. Each waits for the lead.

Until the lead decides, and after a dismissal, the last genuine revision of the answer stands.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.errors import UsageError
from workspaces.records import stable_id
from workspaces.store.annotations import delete_standing
from workspaces.store.flags import FlagStatus
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

dispute = sa.Table(
    "dispute",
    metadata,
    sa.Column("dispute_id", sa.String(24), primary_key=True),
    sa.Column("reason", sa.String(16), nullable=False, comment="deleted, changed, forged, moved or lost"),
    sa.Column("annotation_id", sa.String(24), nullable=False, index=True),
    sa.Column("standing", sa.Integer, nullable=False, comment="the revision that stands; 0: none does"),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("response_id", sa.Text, nullable=False, comment="the platform's own id of the answer"),
    sa.Column("task_id", sa.String(24), comment="null: no task of ours"),
    sa.Column(
        "person_id", sa.String(24), nullable=False, index=True, comment="whose answer it is said to be"
    ),
    sa.Column("by_person", sa.String(24), comment="who changed it last; null: the platform does not say"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, comment="open, accepted or dismissed"),
    sa.Column("reviewed_at", UTCDateTime),
    sa.Column("reviewed_by", sa.Text),
)


class DisputeReason(StrEnum):
    """What a platform says of an answer, and why it is not believed."""

    DELETED = "deleted"
    """It is gone, and the platform cannot tell who deleted it."""

    CHANGED = "changed"
    """Somebody other than its author changed it."""

    FORGED = "forged"
    """It names an author who did not write it, and nothing was known of it before."""

    MOVED = "moved"
    """It is now said to be another person's, or the answer to another task."""

    LOST = "lost"
    """It is gone because the server was restored from an older copy. Nothing waits for the lead: it stands."""


IN_WORDS = {
    DisputeReason.DELETED: "the answer of {person} to task {task} is gone, and the platform cannot tell who deleted "
    "it. It stands; accept if they did",
    DisputeReason.CHANGED: "the answer of {person} to task {task} was changed by {by}. It stands as {person} left it",
    DisputeReason.FORGED: "an answer to task {task} names {person} and was written by {by}. It counts for nobody",
    DisputeReason.MOVED: "the answer of {person} to task {task} was given another author or task by {by}. It stands "
    "as {person} left it",
    DisputeReason.LOST: "the answer of {person} to task {task} is not there any more: the server was restored from an "
    "older copy, or the account was deleted there. It stands",
}
"""A sentence for each reason."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """One thing that a platform says of one answer and that is not believed.

    ``person_id`` is whose answer it is, or is said to be where nothing stands (``standing`` is 0); ``by_person`` is who
    changed it last, None where the platform does not say.
    """

    dispute_id: str
    reason: DisputeReason
    annotation_id: str
    standing: int
    platform: str
    response_id: str
    task_id: str | None
    person_id: str
    by_person: str | None
    created_at: datetime
    status: FlagStatus = FlagStatus.OPEN
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None

    @property
    def in_words(self) -> str:
        """What happened, and what stands."""
        return IN_WORDS[self.reason].format(
            person=self.person_id,
            task=self.task_id or "that is none of ours",
            by=self.by_person or "somebody",
        )


def dispute_id(reason: DisputeReason, annotation_id: str, standing: int, by_person: str | None) -> str:
    """Return the id of a dispute: seen again, it is the same one, until the answer has a new genuine revision."""
    return stable_id("dispute", reason, annotation_id, str(standing), by_person or "")[:12]


def save_disputes(connection: sa.Connection, found: Sequence[Dispute]) -> None:
    """Add disputes; a known one keeps its decision."""
    insert_missing(connection, dispute, [asdict(each) for each in found])


def disputes(connection: sa.Connection, status: FlagStatus | None = None) -> list[Dispute]:
    """Return disputes in a stable order; those of one ``status``, or all."""
    query = sa.select(dispute).order_by(dispute.c.reason, dispute.c.person_id, dispute.c.dispute_id)
    return _disputes(connection, query if status is None else query.where(dispute.c.status == status))


def disputes_of(
    connection: sa.Connection, reasons: Collection[DisputeReason], annotation_ids: Iterable[str]
) -> list[Dispute]:
    """Return the disputes of these reasons about these answers."""
    return [
        each
        for ids in in_chunks(annotation_ids)
        for each in _disputes(
            connection,
            sa.select(dispute).where(dispute.c.reason.in_(reasons), dispute.c.annotation_id.in_(ids)),
        )
    ]


def withdraw_disputes(connection: sa.Connection, dispute_ids: Iterable[str]) -> None:
    """Remove disputes that turned out to be none, because the answer is there again; what the lead decided stays."""
    undecided = (dispute.c.status == FlagStatus.OPEN) | (dispute.c.reason == DisputeReason.LOST)
    for ids in in_chunks(dispute_ids):
        connection.execute(sa.delete(dispute).where(dispute.c.dispute_id.in_(ids), undecided))


def decide_dispute(
    connection: sa.Connection, dispute_id: str, status: FlagStatus, by: str | None, now: datetime
) -> Dispute | None:
    """Accept or dismiss a dispute and return it; None if there is none with this id.

    Accepting a deletion deletes the answer; everything else leaves what stands. The same decision again changes
    nothing.

    Raises:
        UsageError: a deletion that was accepted cannot be dismissed any more.
    """
    query = sa.select(dispute).where(dispute.c.dispute_id == dispute_id)
    found = _disputes(connection, query)
    if not found or found[0].status is status:
        return found[0] if found else None
    if found[0].reason is DisputeReason.DELETED and found[0].status is FlagStatus.ACCEPTED:
        raise UsageError(
            f"the deletion {dispute_id} was accepted, and the answer is deleted: it cannot be undone"
        )
    decision = {"status": status, "reviewed_at": now, "reviewed_by": by}
    connection.execute(sa.update(dispute).where(dispute.c.dispute_id == dispute_id).values(decision))
    if found[0].reason is DisputeReason.DELETED and status is FlagStatus.ACCEPTED:
        delete_standing(connection, found[0].annotation_id, found[0].standing, now)
    return _disputes(connection, query)[0]


def _disputes(connection: sa.Connection, query: sa.Executable) -> list[Dispute]:
    return [
        Dispute(
            **{
                **row._mapping,
                "reason": DisputeReason(row.reason),
                "status": FlagStatus(row.status),
            }
        )
        for row in connection.execute(query)
    ]
