"""When each record was first served to whom: an upper bound of the time that an answer took.

It stands in a table of this plug-in (`tables.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from argilla_server.api.policies.v1 import DatasetPolicy, authorize
from argilla_server.database import get_async_db
from argilla_server.models import Dataset, Record, User
from argilla_server.security import auth
from fastapi import Depends, Query, Security
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
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
    """Note that records were served to a user now; what is noted already stays. A failure is logged, and no more."""
    now = utc_now()
    rows = [{"user_id": UUID(user_id), "record_id": record, "served_at": now} for record in records]
    if not rows:
        return
    try:
        await make_tables()
        async with open_session() as session:
            insert = postgresql.insert if dialect_of(session) == "postgresql" else sqlite.insert
            await session.execute(insert(SERVED).on_conflict_do_nothing(), rows)
            await session.commit()
    except Exception:  # a person must not be kept from working
        _logger.exception("it could not be noted which records were served")


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
