"""The resource by which owners and admins route a dataset: whether it is routed, and which record is whose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID  # noqa: TC003 - FastAPI reads the annotations

from argilla_server.api.policies.v1 import DatasetPolicy, authorize
from argilla_server.database import get_async_db
from argilla_server.models import Dataset, Record, Response, User, WorkspaceUser
from argilla_server.security import auth
from argilla_server.settings import settings
from fastapi import Depends, HTTPException, Query, Security
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import and_, case, delete, exists, func, literal, not_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from argilla_sql_search.assignments import ANSWERED, utc_now
from argilla_sql_search.name import NAME
from argilla_sql_search.sessions import dialect_of
from argilla_sql_search.tables import ASSIGNMENTS, ROUTED, SERVED, make_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from sqlalchemy import ColumnElement, Table

MOST_READ = 10_000
"""The most assignments of one page."""

MOST_WRITTEN = 1_000
"""The most assignments of one request that writes."""

ROUTING_PATH = "/datasets/{dataset_id}/routing"
ASSIGNMENTS_PATH = "/datasets/{dataset_id}/assignments"
WITHDRAW_PATH = "/datasets/{dataset_id}/assignments/withdraw"

State = Literal["open", "answered", "expired"]


def _as_stored(time: datetime | None) -> datetime | None:
    """Return a time as UTC without a zone; one without a zone is UTC."""
    if time is None or time.tzinfo is None:
        return time
    try:
        return time.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        message = "the time is out of range"
        raise ValueError(message) from error


class Pair(BaseModel):
    """A record, and the user whose it is."""

    record_id: UUID
    user_id: UUID


class Assignment(Pair):
    """An assignment as it is written: `position` ascends, the least is served first."""

    position: int = Field(ge=-(2**63), lt=2**63)
    expires_at: Annotated[datetime | None, AfterValidator(_as_stored)] = None


class AssignmentRead(Pair):
    """An assignment as it is read: times are ISO 8601 in UTC."""

    position: int
    expires_at: datetime | None
    state: State
    served_at: datetime | None


class AssignmentPage(BaseModel):
    """A page of assignments, and how many there are on all pages."""

    items: list[AssignmentRead]
    total: int


class AssignmentsWrite(BaseModel):
    """The assignments to write; of two for the same record and user the later one counts."""

    items: list[Assignment] = Field(max_length=MOST_WRITTEN)


class PairsWithdraw(BaseModel):
    """The assignments to withdraw; `unless_served`: only those whose record the user was not served until now."""

    items: list[Pair] = Field(max_length=MOST_WRITTEN)
    unless_served: bool = False


class RoutingWrite(BaseModel):
    """Whether a dataset is to be routed."""

    routed: bool


class Routing(RoutingWrite):
    """Whether a dataset is routed, and how many of its assignments are in which state."""

    open: int
    answered: int
    expired: int


class Written(BaseModel):
    """How many assignments were written."""

    written: int


class Withdrawn(BaseModel):
    """How many assignments were withdrawn."""

    withdrawn: int


def install_routing(api: FastAPI) -> None:
    """Add the routes; once is enough."""
    if any(getattr(route, "path", "") == ROUTING_PATH for route in api.routes):
        return
    for method, path, endpoint in (
        ("GET", ROUTING_PATH, get_routing),
        ("PUT", ROUTING_PATH, put_routing),
        ("GET", ASSIGNMENTS_PATH, list_assignments),
        ("PUT", ASSIGNMENTS_PATH, put_assignments),
        ("POST", WITHDRAW_PATH, withdraw_assignments),
    ):
        api.add_api_route(path, endpoint, methods=[method], tags=["routing"])


async def _dataset_of_lead(
    dataset_id: UUID,
    db: Annotated[AsyncSession, Depends(get_async_db)],
    current_user: Annotated[User, Security(auth.get_current_user)],
) -> Dataset:
    """Return the dataset of a path; Argilla answers 404 if there is none, and 403 to whoever does not lead it."""
    await make_tables()
    dataset = await Dataset.get_or_raise(db, dataset_id)
    await authorize(current_user, DatasetPolicy.update(dataset))
    return dataset


Database = Annotated[AsyncSession, Depends(get_async_db)]
Led = Annotated[Dataset, Depends(_dataset_of_lead)]


async def get_routing(db: Database, dataset: Led) -> Routing:
    """Return whether the dataset is routed, and its assignments by state."""
    routed = await db.scalar(select(ROUTED.c.routed).where(ROUTED.c.dataset_id == dataset.id))
    state = _state(utc_now()).label("counted")
    by_state = select(state, func.count()).select_from(ASSIGNMENTS).outerjoin(Response, _is_answer)
    by_state = by_state.where(ASSIGNMENTS.c.dataset_id == dataset.id).group_by("counted")
    counts = dict((await db.execute(by_state)).tuples().all())
    return Routing(
        routed=bool(routed),
        open=counts.get("open", 0),
        answered=counts.get("answered", 0),
        expired=counts.get("expired", 0),
    )


async def put_routing(db: Database, dataset: Led, body: RoutingWrite) -> Routing:
    """Switch routing on or off.

    What members have answered or drafted until it is switched on becomes assigned to them, so that nobody loses
    sight of their work. Answers 409 if another search engine answers.
    """
    if body.routed and settings.search_engine != NAME:
        raise HTTPException(
            409, f"only the search engine {NAME!r} can route, this server has {settings.search_engine!r}"
        )
    row = {"dataset_id": dataset.id, "routed": body.routed}
    was_routed = await db.scalar(select(ROUTED.c.routed).where(ROUTED.c.dataset_id == dataset.id))
    await db.execute(_upsert(db, ROUTED, ["dataset_id"]), [row])
    if body.routed and not was_routed:
        answers = (
            select(Record.dataset_id, Response.user_id, Response.record_id, literal(0))
            .join(Record, Record.id == Response.record_id)
            .join(WorkspaceUser, WorkspaceUser.user_id == Response.user_id)
            .where(Record.dataset_id == dataset.id, WorkspaceUser.workspace_id == dataset.workspace_id)
        )
        adopt = _insert(db)(ASSIGNMENTS).from_select(
            ["dataset_id", "user_id", "record_id", "position"], answers
        )
        await db.execute(adopt.on_conflict_do_nothing())
    await db.commit()
    return await get_routing(db, dataset)


async def list_assignments(
    db: Database,
    dataset: Led,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_READ)] = 1000,
    user_id: Annotated[UUID | None, Query()] = None,
) -> AssignmentPage:
    """Return a page of the assignments, ordered by user and record, which no write moves."""
    wanted = [ASSIGNMENTS.c.dataset_id == dataset.id]
    if user_id is not None:
        wanted.append(ASSIGNMENTS.c.user_id == user_id)
    of_both = and_(SERVED.c.user_id == ASSIGNMENTS.c.user_id, SERVED.c.record_id == ASSIGNMENTS.c.record_id)
    page = (
        select(ASSIGNMENTS, _state(utc_now()).label("state"), SERVED.c.served_at)
        .outerjoin(Response, _is_answer)
        .outerjoin(SERVED, of_both)
        .where(*wanted)
        .order_by(ASSIGNMENTS.c.user_id, ASSIGNMENTS.c.record_id)
        .offset(offset)
        .limit(limit)
    )
    total = await db.scalar(select(func.count()).select_from(ASSIGNMENTS).where(*wanted))
    items = [
        AssignmentRead(
            record_id=row.record_id,
            user_id=row.user_id,
            position=row.position,
            expires_at=_with_zone(row.expires_at),
            state=row.state,
            served_at=_with_zone(row.served_at),
        )
        for row in await db.execute(page)
    ]
    return AssignmentPage(items=items, total=total or 0)


async def put_assignments(db: Database, dataset: Led, body: AssignmentsWrite) -> Written:
    """Write all assignments or none; one that is there gets the new position and expiry."""
    await _check(db, dataset, {item.record_id for item in body.items}, {item.user_id for item in body.items})
    rows = {(item.record_id, item.user_id): {"dataset_id": dataset.id, **dict(item)} for item in body.items}
    if rows:
        try:
            await db.execute(
                _upsert(db, ASSIGNMENTS, ["dataset_id", "user_id", "record_id"]), list(rows.values())
            )
            await db.commit()
        except IntegrityError as error:
            raise HTTPException(
                409, "nothing was written: a record or a user was deleted at the same time; send it again"
            ) from error
    return Written(written=len(rows))


async def withdraw_assignments(db: Database, dataset: Led, body: PairsWithdraw) -> Withdrawn:
    """Take records from users; what is not assigned is not counted. Answers stay, out of their users' sight."""
    pairs = {(item.record_id, item.user_id) for item in body.items}
    if not pairs:
        return Withdrawn(withdrawn=0)
    is_one = tuple_(ASSIGNMENTS.c.record_id, ASSIGNMENTS.c.user_id).in_(pairs)
    of_dataset = ASSIGNMENTS.c.dataset_id == dataset.id
    taken = delete(ASSIGNMENTS).where(of_dataset, is_one).returning(ASSIGNMENTS.c.record_id)
    if body.unless_served:
        of_both = and_(
            SERVED.c.user_id == ASSIGNMENTS.c.user_id, SERVED.c.record_id == ASSIGNMENTS.c.record_id
        )
        taken = taken.where(not_(exists().where(of_both)))
    withdrawn = len((await db.scalars(taken)).all())
    await db.commit()
    return Withdrawn(withdrawn=withdrawn)


async def _check(db: AsyncSession, dataset: Dataset, records: set[UUID], users: set[UUID]) -> None:
    """Answer 422 that names each record that is not the dataset's, and each user who cannot have one."""
    known = set(
        await db.scalars(select(Record.id).where(Record.dataset_id == dataset.id, Record.id.in_(records)))
    )
    people = set(await db.scalars(select(User.id).where(User.id.in_(users))))
    of_workspace = WorkspaceUser.workspace_id == dataset.workspace_id
    members = set(
        await db.scalars(select(WorkspaceUser.user_id).where(of_workspace, WorkspaceUser.user_id.in_(users)))
    )
    faults = [
        *(f"there is no record {record} in the dataset" for record in sorted(records - known)),
        *(f"there is no user {user}" for user in sorted(users - people)),
        *(f"user {user} is no member of the dataset's workspace" for user in sorted(people - members)),
    ]
    if faults:
        raise HTTPException(422, f"nothing was written: {'; '.join(faults)}")


_is_answer = and_(
    Response.record_id == ASSIGNMENTS.c.record_id,
    Response.user_id == ASSIGNMENTS.c.user_id,
    Response.status.in_(ANSWERED),
)


def _state(now: datetime) -> ColumnElement[str]:
    """Return the state of an assignment, to which the response that answers it is joined."""
    return case(
        (Response.id.is_not(None), "answered"),
        (ASSIGNMENTS.c.expires_at <= now, "expired"),
        else_="open",
    )


def _insert(db: AsyncSession) -> Callable[[Table], sqlite.Insert | postgresql.Insert]:
    return postgresql.insert if dialect_of(db) == "postgresql" else sqlite.insert


def _upsert(db: AsyncSession, table: Table, keys: list[str]) -> sqlite.Insert | postgresql.Insert:
    insert = _insert(db)(table)
    others = [column.name for column in table.columns if column.name not in keys]
    return insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in others}
    )


def _with_zone(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)
