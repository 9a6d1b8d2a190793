"""The records of a dataset that pass a filter, read page by page or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argilla_server.models import Record
from sqlalchemy import func, select

from argilla_sql_search.dialects import ID_LENGTH, id_digits
from argilla_sql_search.filters import FilterCompiler
from argilla_sql_search.mapping import read_mapping
from argilla_sql_search.sessions import dialect_of

if TYPE_CHECKING:
    from uuid import UUID

    from argilla_server.search_engine import Filter, Order
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from argilla_sql_search.assignments import Queue


@dataclass(frozen=True)
class Selection:
    """The records of a dataset that pass a filter; of an annotator's queue where the dataset is routed."""

    compiler: FilterCompiler
    scope: ColumnElement[bool]
    """What is searched: the dataset, or what of it whoever asks may find."""
    conditions: tuple[ColumnElement[bool], ...]

    async def page(
        self, session: AsyncSession, sort: list[Order], offset: int, limit: int
    ) -> tuple[list[str], int]:
        """Read the ids (32 digits each) of one page in the order of `sort`, and the number of all records."""
        ids = (await session.scalars(self._ordered(sort).offset(offset).limit(limit))).all()
        total = await session.scalar(select(func.count()).select_from(Record).where(*self.conditions))
        return list(ids), total or 0

    async def ids(self, session: AsyncSession, sort: list[Order] | None) -> list[str]:
        """Read all ids as 32 digits each, in the order of `sort`; None is any order.

        The database joins them to one string: 50,000 rows would take longer to fetch than to find.
        """
        digits = id_digits(self.compiler.dialect).label("digits")
        rows = select(digits).where(*self.conditions) if sort is None else self._ordered(sort)
        joined = await session.scalar(select(func.aggregate_strings(rows.subquery().c.digits, ""))) or ""
        return [joined[start : start + ID_LENGTH] for start in range(0, len(joined), ID_LENGTH)]

    def _ordered(self, sort: list[Order]) -> Select[tuple[str]]:
        queue = self.compiler.queue
        orders = [self.compiler.order_by(order) for order in sort]
        if not sort and queue is not None:
            orders = [queue.position()]
        digits = id_digits(self.compiler.dialect).label("digits")
        return select(digits).where(*self.conditions).order_by(*orders, Record.inserted_at, Record.id)


async def select_records(
    session: AsyncSession, dataset_id: UUID, search_filter: Filter | None, queue: Queue | None = None
) -> Selection:
    """Return the records of a dataset that pass `search_filter`; None passes all.

    Those of `queue`, if there is one; their order is that of the queue where a search asks for none.
    Raises `SearchRejectedError` for a filter that Elasticsearch would refuse.
    """
    compiler = FilterCompiler(await read_mapping(session, dataset_id), dialect_of(session), queue)
    scope = Record.dataset_id == dataset_id if queue is None else queue.holds()
    return Selection(compiler, scope, (scope, *([compiler.where(search_filter)] if search_filter else [])))
