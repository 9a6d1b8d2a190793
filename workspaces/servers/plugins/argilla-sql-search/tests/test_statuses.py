"""The job after a change of a dataset: the statuses are those that Argilla's own job makes, and no other is written."""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from argilla_server.contexts import distribution
from argilla_server.database import AsyncSessionLocal
from argilla_server.jobs import dataset_jobs
from argilla_server.models import Dataset, Record
from argilla_sql_search import statuses
from sqlalchemy import select, update
from worlds import RecordSpec, create_world

if TYPE_CHECKING:
    from worlds import Run, World

PEOPLE = 3
SAID = ("submitted", "discarded", "draft")
SPECS = [
    RecordSpec(responses={place: (status, {}) for place, status in enumerate(said)}, status=of_record)
    for count in range(PEOPLE + 1)
    for said, of_record in product(combinations_with_replacement(SAID, count), ("pending", "completed"))
]
"""Every way in which up to three people answer, on a record of either status."""


async def statuses_of(world: World) -> list[str]:
    ids = [record.id for record in world.records]
    async with AsyncSessionLocal() as session:
        found = dict(
            (await session.execute(select(Record.id, Record.status).where(Record.id.in_(ids)))).tuples().all()
        )
    return [str(found[record]) for record in ids]


@pytest.mark.usefixtures("database")
def test_statuses_are_those_of_argillas_job_and_only_wrong_ones_are_written(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def with_overlap() -> World:
        world = await create_world(SPECS, PEOPLE)
        overlap = {"strategy": "overlap", "min_submitted": 2}
        async with AsyncSessionLocal() as session:
            await session.execute(
                update(Dataset).where(Dataset.id == world.dataset.id).values(distribution=overlap)
            )
            await session.commit()
        return world

    ours, argillas = run(with_overlap()), run(with_overlap())
    before = run(statuses_of(ours))
    run(statuses._argillas(argillas.dataset.id))
    writes = AsyncMock(wraps=distribution.update_record_status)
    monkeypatch.setattr(distribution, "update_record_status", writes)
    assert dataset_jobs.update_dataset_records_status_job is statuses.update_statuses
    run(dataset_jobs.update_dataset_records_status_job(ours.dataset.id))
    after = run(statuses_of(ours))
    assert after == run(statuses_of(argillas))
    wrong = sum(was != now for was, now in zip(before, after, strict=True))
    assert writes.await_count == wrong > 0
    run(dataset_jobs.update_dataset_records_status_job(ours.dataset.id))
    assert writes.await_count == wrong
