"""Whose each record of a routed dataset is, and what of it is in whose queue.

In a routed dataset an annotator has the records that are assigned to them and no others. Whoever sees everything
(`LEADS`) is not concerned, nor is a dataset that is not routed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from argilla_server.enums import ResponseStatus
from argilla_server.models import Dataset, Record, Response, User, WorkspaceUser
from sqlalchemy import case, exists, false, func, not_, or_, select

from argilla_sql_search.tables import ASSIGNMENTS, ROUTED, make_tables
from argilla_sql_search.viewers import ASKER, LEADS

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

ANSWERED = (ResponseStatus.submitted, ResponseStatus.discarded)
"""The statuses of a response that answers its record; a draft does not."""


def utc_now() -> datetime:
    """Return the time as Argilla stores it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Queue:
    """The records of a routed dataset that one annotator finds.

    Those assigned to them, but for an expired one that they have not begun. What they answered or drafted stays.
    """

    dataset_id: UUID
    user_id: UUID
    now: datetime

    def records(self) -> Select[tuple[UUID]]:
        """Return the query of the records' ids."""
        begun = exists().where(
            Response.record_id == ASSIGNMENTS.c.record_id, Response.user_id == self.user_id
        )
        is_open = or_(ASSIGNMENTS.c.expires_at.is_(None), ASSIGNMENTS.c.expires_at > self.now)
        return select(ASSIGNMENTS.c.record_id).where(
            ASSIGNMENTS.c.dataset_id == self.dataset_id,
            ASSIGNMENTS.c.user_id == self.user_id,
            or_(is_open, begun),
        )

    def holds(self) -> ColumnElement[bool]:
        """Return the condition that a row of `records` is in the queue.

        It does not name the dataset, so that the database starts from the assignments.
        """
        return Record.id.in_(self.records())

    def position(self) -> ColumnElement[int]:
        """Return the place of a row of `records` in the queue; the least comes first."""
        return (
            select(ASSIGNMENTS.c.position)
            .where(
                ASSIGNMENTS.c.dataset_id == self.dataset_id,
                ASSIGNMENTS.c.user_id == self.user_id,
                ASSIGNMENTS.c.record_id == Record.id,
            )
            .scalar_subquery()
        )

    def own_status(self) -> ColumnElement[str]:
        """Return the status of a row of `records` for the annotator: completed once they have answered it.

        Argilla's page asks for records that are pending; what others have completed is pending for those to whom
        it is assigned.
        """
        answered = exists().where(
            Response.record_id == Record.id,
            Response.user_id == self.user_id,
            Response.status.in_(ANSWERED),
        )
        return case((answered, "completed"), else_="pending")


async def queue_of(session: AsyncSession, dataset_id: UUID, user_id: UUID | str | None) -> Queue | None:
    """Return the queue of whoever asks; None for one who sees everything, and if the dataset is not routed.

    Args:
        session: that has written nothing.
        dataset_id: where to look.
        user_id: who asks, if the request that runs does not say (`ASKER`).
    """
    asker = ASKER.get() or user_id
    if asker is None:
        return None
    asker = UUID(str(asker))
    await make_tables()
    is_routed = exists().where(ROUTED.c.dataset_id == dataset_id, ROUTED.c.routed)
    role = await session.scalar(select(User.role).where(User.id == asker, is_routed))
    return None if role is None or role in LEADS else Queue(dataset_id, asker, utc_now())


async def records_of(session: AsyncSession, user_id: UUID, records: Collection[UUID]) -> set[UUID]:
    """Return those of `records` that an annotator may see and answer.

    They are in the annotator's workspaces, and assigned to the annotator if their dataset is routed. An assignment
    that has expired counts until it is withdrawn: nobody loses work to the clock.
    """
    await make_tables()
    assigned = exists().where(
        ASSIGNMENTS.c.dataset_id == Record.dataset_id,
        ASSIGNMENTS.c.user_id == user_id,
        ASSIGNMENTS.c.record_id == Record.id,
    )
    query = (
        select(Record.id)
        .join(Dataset, Dataset.id == Record.dataset_id)
        .join(WorkspaceUser, WorkspaceUser.workspace_id == Dataset.workspace_id)
        .outerjoin(ROUTED, ROUTED.c.dataset_id == Dataset.id)
        .where(
            WorkspaceUser.user_id == user_id,
            Record.id.in_(records),
            or_(not_(func.coalesce(ROUTED.c.routed, false())), assigned),
        )
    )
    return set(await session.scalars(query))
