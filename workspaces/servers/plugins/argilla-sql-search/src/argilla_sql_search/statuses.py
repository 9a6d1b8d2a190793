"""Argilla's job after every change of a dataset, which brings the records' statuses up to date.

Argilla writes each record once for each answer to it, in a transaction of its own, also where the guidelines alone
were changed and every status is right: 1,500 answers took 25 seconds of processor. Here the job asks first which
statuses are wrong.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from argilla_server.contexts import distribution
from argilla_server.enums import RecordStatus, ResponseStatus
from argilla_server.jobs import dataset_jobs
from argilla_server.models import Dataset, Record, Response
from argilla_server.search_engine import SearchEngine
from argilla_server.settings import settings
from sqlalchemy import and_, func, or_, select

from argilla_sql_search.sessions import open_session

if TYPE_CHECKING:
    from uuid import UUID

_argillas = dataset_jobs.update_dataset_records_status_job


def install_statuses() -> None:
    """Put our job in the place of Argilla's, under its name: either can have been queued; once is enough."""
    dataset_jobs.update_dataset_records_status_job = update_statuses


@wraps(_argillas)
async def update_statuses(dataset_id: UUID) -> None:
    """Let Argilla update each record of a dataset that has answers and not the status that they make."""
    wrong = await wrong_statuses(dataset_id)
    async with SearchEngine.get_by_name(settings.search_engine) as search_engine:
        for record_id in wrong:  # each in a transaction of its own: SQLite is not kept locked
            await distribution.update_record_status(search_engine, record_id)


async def wrong_statuses(dataset_id: UUID) -> list[UUID]:
    """Return the records that have answers and another status than these make, the oldest first."""
    async with open_session() as session:
        dataset = await Dataset.get_or_raise(session, dataset_id)
        submitted = func.count().filter(Response.status == ResponseStatus.submitted)
        enough = submitted >= dataset.distribution["min_submitted"]
        is_completed = Record.status == RecordStatus.completed
        query = (
            select(Record.id)
            .join(Response)
            .where(Record.dataset_id == dataset_id)
            .group_by(Record.id)
            .having(or_(and_(enough, ~is_completed), and_(~enough, is_completed)))
            .order_by(Record.inserted_at, Record.id)
        )
        return list(await session.scalars(query))
