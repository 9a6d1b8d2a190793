"""Which answers of a dataset changed since a moment: Argilla's own API lists answers by record alone.

A record's `updated_at` moves when its status does, not with every answer, so no search finds what is new.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - FastAPI reads the annotation

from argilla_server.api.policies.v1 import DatasetPolicy, authorize
from argilla_server.database import get_async_db
from argilla_server.models import Dataset, Record, Response, User
from argilla_server.security import auth
from fastapi import Depends, Query, Security
from sqlalchemy import and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession  # noqa: TC002 - FastAPI reads the annotation

from argilla_sql_search.served import serving_times
from argilla_sql_search.tables import make_tables

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/datasets/{dataset_id}/responses/changed"
MOST = 1_000
"""The most answers of one page."""

INDEX = "CREATE INDEX IF NOT EXISTS sql_search_responses_updated_at ON responses (updated_at)"
"""With it the cost grows with what changed, not with what is there. SQLite and PostgreSQL both know it."""

_indexed: set[str] = set()
"""The databases that have the index, by address: in each process it is asked for once."""


def install_changed(api: FastAPI) -> None:
    """Add the route; once is enough."""
    if all(getattr(route, "path", "") != PATH for route in api.routes):
        api.add_api_route(PATH, list_changed, methods=["GET"], tags=["responses"])


async def list_changed(
    dataset_id: UUID,
    since: datetime,
    db: Annotated[AsyncSession, Depends(get_async_db)],
    current_user: Annotated[User, Security(auth.get_current_user)],
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> dict[str, list[dict[str, object]]]:
    """Return the answers that were made or changed at or after a moment, ordered by that time and id; for leads.

    The next page begins at the time of the last answer, `after` its id: answers with one time are neither repeated nor
    passed over. Deleted answers are not in it.

    Args:
        dataset_id: of the dataset.
        since: a time by the server's clock; without a zone it is UTC.
        db: Argilla's database.
        current_user: an owner or an admin.
        after: of the answers at `since` itself, only those with a higher id.
        limit: the most answers.
    """
    await make_tables()
    dataset = await Dataset.get_or_raise(db, dataset_id)
    await authorize(current_user, DatasetPolicy.list_records_with_all_responses(dataset))
    await _make_index(db)
    moment = since.astimezone(UTC).replace(tzinfo=None) if since.tzinfo else since  # as Argilla stores times
    changed = Response.updated_at >= moment
    if after is not None:
        changed = or_(Response.updated_at > moment, and_(Response.updated_at == moment, Response.id > after))
    query = (
        select(Response, Record.external_id)
        .join(Record, Record.id == Response.record_id)
        .where(Record.dataset_id == dataset_id, changed)
        .order_by(Response.updated_at, Response.id)
        .limit(limit)
    )
    rows = (await db.execute(query)).all()
    served = await serving_times(db, [response.record_id for response, _ in rows])
    return {
        "items": [
            {
                "id": str(response.id),
                "record_id": str(response.record_id),
                "external_id": external_id,
                "user_id": str(response.user_id),
                "status": response.status,
                "values": response.values,
                "updated_at": response.updated_at.isoformat(),
                "served_at": served.get((response.record_id, response.user_id)),
            }
            for response, external_id in rows
        ]
    }


async def _make_index(session: AsyncSession) -> None:
    address = str(session.get_bind().engine.url)
    if address not in _indexed:
        await session.execute(text(INDEX))
        await session.commit()
        _indexed.add(address)
