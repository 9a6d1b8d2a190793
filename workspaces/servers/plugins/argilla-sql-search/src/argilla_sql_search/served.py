"""When each record was first served to whom: an upper bound of the time that an answer took.

It is noted before the record is sent, in a table of this plug-in (`tables.py`): a server that is killed, or a lead who
takes back what nobody has seen, misses nothing that is on a screen.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from argilla_server.api.policies.v1 import DatasetPolicy, authorize
from argilla_server.database import get_async_db
from argilla_server.models import Dataset, Record, User
from argilla_server.security import auth
from fastapi import Depends, Query, Security
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession  # noqa: TC002 - FastAPI reads the annotation

from argilla_sql_search.assignments import utc_now
from argilla_sql_search.sessions import dialect_of, open_session
from argilla_sql_search.tables import SERVED, make_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fastapi import FastAPI
    from pydantic import JsonValue

PATH = "/datasets/{dataset_id}/records/served"
MOST = 10_000
"""The most rows of one page."""

PAUSES = (1.0, 5.0, 30.0, 120.0)
"""Seconds after which a note is written again that could not be written."""

_later: set[asyncio.Task[None]] = set()
_logger = logging.getLogger("argilla")


def install_served(api: FastAPI) -> None:
    """Add the route by which leads read the table; once is enough."""
    if all(getattr(route, "path", "") != PATH for route in api.routes):
        api.add_api_route(PATH, list_served, methods=["GET"], tags=["records"])


def records_in(body: JsonValue) -> list[UUID]:
    """Return the ids of the records in the answer to a search, or in a record itself."""
    if not isinstance(body, dict):
        return []
    items = body.get("items")
    found: list[Any] = (
        [item.get("record") for item in items if isinstance(item, dict)]
        if isinstance(items, list)
        else [body]
    )
    return [UUID(str(record["id"])) for record in found if isinstance(record, dict) and "id" in record]


async def note_served(user_id: str, records: Iterable[UUID]) -> None:
    """Note that records are served to a user now; what is noted already stays.

    A failure is logged, and mended later: a person must not be kept from working.
    """
    now = utc_now()
    rows = [{"user_id": UUID(user_id), "record_id": record, "served_at": now} for record in records]
    if not rows:
        return
    try:
        await _note(rows)
    except Exception:
        _logger.exception("it could not be noted which records were served; it is tried again")
        later = asyncio.create_task(_note_later(rows))
        _later.add(later)  # the event loop itself would forget it
        later.add_done_callback(_later.discard)


async def _note_later(rows: list[dict[str, Any]]) -> None:
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            await _note(rows)
        except Exception as error:  # whatever the database says now may be over then
            _logger.warning("it could still not be noted which records were served: %s", error)
        else:
            return
    _logger.error("it is not noted which records were served: %s", rows)


async def _note(rows: list[dict[str, Any]]) -> None:
    """Write rows of one user, but for those that stand there, and for those of records that were deleted meanwhile."""
    await make_tables()
    async with open_session() as session:
        of_user = SERVED.c.user_id == rows[0]["user_id"]
        query = select(SERVED.c.record_id).where(
            of_user, SERVED.c.record_id.in_([row["record_id"] for row in rows])
        )
        known = set(await session.scalars(query))
        new = [row for row in rows if row["record_id"] not in known]
        if not new:
            return
        try:
            await _insert(session, new)
        except IntegrityError:
            for row in new:
                await session.rollback()
                with suppress(IntegrityError):
                    await _insert(session, [row])


async def _insert(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    insert = postgresql.insert if dialect_of(session) == "postgresql" else sqlite.insert
    await session.execute(insert(SERVED).on_conflict_do_nothing(), rows)
    await session.commit()


async def list_served(
    dataset_id: UUID,
    db: Annotated[AsyncSession, Depends(get_async_db)],
    current_user: Annotated[User, Security(auth.get_current_user)],
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> dict[str, list[dict[str, str]]]:
    """Return which record of a dataset was first served to whom when, ordered by record and user; for leads."""
    await make_tables()
    dataset = await Dataset.get_or_raise(db, dataset_id)
    await authorize(current_user, DatasetPolicy.list_records_with_all_responses(dataset))
    query = (
        select(SERVED)
        .join(Record.__table__, Record.__table__.c.id == SERVED.c.record_id)
        .where(Record.__table__.c.dataset_id == dataset_id)
        .order_by(SERVED.c.record_id, SERVED.c.user_id)
        .offset(offset)
        .limit(limit)
    )
    return {
        "items": [
            {
                "record_id": str(row.record_id),
                "user_id": str(row.user_id),
                "served_at": row.served_at.isoformat(),
            }
            for row in await db.execute(query)
        ]
    }


async def serving_times(session: AsyncSession, records: Collection[UUID]) -> dict[tuple[UUID, UUID], str]:
    """Return when records were first served, in ISO format, by (record, user); ``make_tables`` was called."""
    query = select(SERVED).where(SERVED.c.record_id.in_(set(records)))
    return {(row.record_id, row.user_id): row.served_at.isoformat() for row in await session.execute(query)}
