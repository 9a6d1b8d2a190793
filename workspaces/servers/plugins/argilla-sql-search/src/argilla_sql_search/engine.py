"""The search engine that Argilla calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import Record, Response, Vector
from argilla_server.search_engine import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)
from sqlalchemy import String, and_, cast, func, select, text, true

from argilla_sql_search import text_search
from argilla_sql_search.assignments import queue_of
from argilla_sql_search.dialects import SQLITE
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.json_values import values_at
from argilla_sql_search.name import NAME
from argilla_sql_search.numerics import to_float32
from argilla_sql_search.selection import select_records
from argilla_sql_search.sessions import dialect_of, open_session
from argilla_sql_search.shuffle import random_scores
from argilla_sql_search.text_index import TextIndexes
from argilla_sql_search.vector_index import VectorIndex, VectorIndexes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argilla_server.models import Dataset, MetadataProperty, Suggestion, User, VectorSettings
    from argilla_server.search_engine import Filter, MetadataMetrics, Order
    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from argilla_sql_search.selection import Selection

ROUTING = "assignments"
"""What Argilla's status page calls the routing that this engine offers, by which a client can tell that it does."""

MAX_TERMS = 2**14
"""The most terms that the metrics of a metadata property list, as in Argilla's Elasticsearch engine."""

KEPT_INDEXES = 16
"""Datasets whose words stay in memory, about 4 bytes for each word and 300 for each record."""

KEPT_QUEUES = 64
"""Annotators whose words stay in memory, of the routed datasets."""

_text_indexes = TextIndexes(KEPT_INDEXES)
_queue_indexes = TextIndexes(KEPT_QUEUES)
_vector_indexes = VectorIndexes()


class SQLSearchEngine(SearchEngine):
    """Answers searches from Argilla's own database.

    It keeps no index in the database, so creating, writing and deleting one do nothing. Each call opens one
    short session that only reads.
    """

    @classmethod
    async def new_instance(cls) -> SQLSearchEngine:
        """Return an engine; it holds no resources."""
        return cls()

    async def close(self) -> None:
        """Do nothing: the sessions are closed by the calls that opened them."""

    async def ping(self) -> bool:
        """Return whether the database answers."""
        async with open_session() as session:
            return bool(await session.scalar(select(1)))

    async def info(self) -> dict[str, str | None]:
        """Return what answers the searches, for Argilla's status page."""
        async with open_session() as session:
            dialect = dialect_of(session)
            version = select(func.sqlite_version()) if dialect == SQLITE else text("SHOW server_version")
            return {
                "name": NAME,
                "database": dialect,
                "version": await session.scalar(version),
                "routing": ROUTING,
            }

    async def create_index(self, dataset: Dataset) -> None:
        """Do nothing: the records are the index."""

    async def delete_index(self, dataset: Dataset) -> None:
        """Free the memory that the dataset's words take."""
        _text_indexes.drop(dataset.id)
        _queue_indexes.drop(dataset.id)

    async def configure_metadata_property(
        self, dataset: Dataset, metadata_property: MetadataProperty
    ) -> None:
        """Do nothing: the records are the index."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Do nothing: the records are the index."""

    async def partial_record_update(self, record: Record, **update: object) -> None:
        """Do nothing: the records are the index."""

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Do nothing: the records are the index."""

    async def update_record_response(self, response: Response) -> None:
        """Do nothing: the records are the index."""

    async def delete_record_response(self, response: Response) -> None:
        """Do nothing: the records are the index."""

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """Do nothing: the records are the index."""

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """Do nothing: the records are the index."""

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """Do nothing: the records are the index."""

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """Return how many records there are, in all (`total`) and of each status that occurs.

        For an annotator of a routed dataset: of those that the annotator finds.
        """
        if dataset.is_draft:
            return {}
        async with open_session() as session:
            queue = await queue_of(session, dataset.id, None)
            in_scope = Record.dataset_id == dataset.id if queue is None else queue.holds()
            status = cast(Record.status, String) if queue is None else queue.own_status()
            by_status = select(status.label("counted"), func.count()).where(in_scope)
            return await _count(session, by_status.group_by("counted"))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """Return how many responses the user has given, in all (`total`) and of each status that occurs.

        For an annotator of a routed dataset: to the records that are assigned to the annotator.
        """
        if dataset.is_draft:
            return {}
        async with open_session() as session:
            queue = await queue_of(session, dataset.id, user.id)
            in_scope = Record.dataset_id == dataset.id if queue is None else queue.holds()
            status = cast(Response.status, String).label("counted")
            by_status = select(status, func.count()).join(Record, Record.id == Response.record_id)
            of_user = by_status.where(Response.user_id == user.id, in_scope)
            return await _count(session, of_user.group_by("counted"))

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,  # noqa: A002 - Argilla passes it by this name
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | str | None = None,
    ) -> SearchResponses:
        """Return one page of the records that match, and how many match in all.

        Order: as `sort` says; without it the best match of `query` first, shuffled for `user_id` when
        given; then the oldest first. The id breaks ties, so that pages neither repeat nor skip a record.
        An annotator of a routed dataset finds what is in their queue, and without `sort` in its order.
        Raises `SearchRejectedError` for a search that Elasticsearch would refuse.
        """
        query = TextQuery(q=query) if isinstance(query, str) else query
        async with open_session() as session:
            queue = await queue_of(session, dataset.id, user_id)
            selection = await select_records(session, dataset.id, filter, queue)
            shuffled = bool(user_id) and not sort and queue is None
            if query is None and not shuffled:
                page, total = await selection.page(session, sort or [], offset, limit)
                return _response([(digits, None if sort else 1.0) for digits in page], total)
            ids = await selection.ids(session, None if shuffled else sort or [])
        scores = np.ones(len(ids))
        if query is not None:
            ids, scores = await _search_text(selection, query, ids)
        if sort:
            return _response([(digits, None) for digits in ids[offset : offset + limit]], len(ids))
        if shuffled:
            scores = scores * random_scores("".join(ids), str(user_id))
        # The sort is stable, so equal scores keep the order they were read in.
        ranking = np.argsort(-scores, kind="stable") if queue is None else np.arange(len(ids))
        page = ranking[offset : offset + limit].tolist()
        return _response([(ids[place], float(scores[place])) for place in page], len(ids))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """Return the terms of a metadata property with their counts, or the range of its numbers."""
        async with open_session() as session:
            values = values_at(dialect_of(session), Record.metadata_, metadata_property.name)
            queue = await queue_of(session, metadata_property.dataset_id, None)
            in_dataset = Record.dataset_id == metadata_property.dataset_id
            in_scope = in_dataset if queue is None else queue.holds()
            if metadata_property.type == MetadataPropertyType.terms:
                # A record that has a term twice counts once for it.
                count = func.count(Record.id.distinct()).label("count")
                statement = select(values.text, count).select_from(Record).join(values.rows, true())
                statement = statement.where(in_scope, values.text.is_not(None)).group_by(values.text)
                rows = (await session.execute(statement.order_by(count.desc(), values.text))).all()
                terms = [TermsMetrics.TermCount(term=term, count=count) for term, count in rows[:MAX_TERMS]]
                return TermsMetrics(total=sum(count for _, count in rows), values=terms)
            extremes = select(func.min(values.number), func.max(values.number)).select_from(Record)
            least, greatest = (
                await session.execute(extremes.join(values.rows, true()).where(in_scope))
            ).one()
        if metadata_property.type == MetadataPropertyType.integer:
            return IntegerMetadataMetrics(type=MetadataPropertyType.integer, min=least, max=greatest)
        return FloatMetadataMetrics(
            type=MetadataPropertyType.float,
            min=None if least is None else to_float32(least),
            max=None if greatest is None else to_float32(greatest),
        )

    async def similarity_search(
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,  # noqa: A002 - Argilla passes it by this name
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """Return the records whose vectors are nearest to `value`, or to that of `record`, which is left out.

        The score is (1 + cosine) / 2; for the least similar it is that of the opposite vector. `total`
        counts the nearest, at most `max_results`, before `threshold` leaves out those that score less.
        Raises `ValueError` unless there is either a value or a record that has the vector.
        """
        if bool(value) == bool(record):
            message = "Must provide either vector value or record to compute the similarity search"
            raise ValueError(message)
        vector = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not vector:
            message = "Cannot find a vector value to apply with provided info"
            raise ValueError(message)
        if len(vector) != vector_settings.dimensions:
            message = f"the query vector has {len(vector)} dimensions, the index {vector_settings.dimensions}"
            raise SearchRejectedError(message)
        if not any(vector):
            message = "The [cosine] similarity does not support vectors with zero magnitude"
            raise SearchRejectedError(message)
        if order == SimilarityOrder.least_similar:
            vector = [-number for number in vector]
        async with open_session() as session:
            queue = await queue_of(session, dataset.id, None)
            selection = await select_records(session, dataset.id, filter, queue)
            candidates = await selection.ids(session, None)
        if query:
            query = TextQuery(q=query) if isinstance(query, str) else query
            candidates, _ = await _search_text(selection, query, candidates)
        if record:
            candidates = [digits for digits in candidates if digits != record.id.hex]
        scope: ColumnElement[bool] = Vector.vector_settings_id == vector_settings.id
        if queue is None:
            index = _vector_indexes.of(vector_settings.id, vector_settings.dimensions)
        else:  # few enough to read them each time
            scope = and_(scope, Vector.record_id.in_(queue.records()))
            index = VectorIndex(vector_settings.dimensions)
        async with index.lock:
            await index.refresh(scope, open_session, selection.compiler.dialect)
            nearest = await asyncio.to_thread(index.nearest, vector, candidates, max_results)
        above = [(digits, score) for digits, score in nearest if threshold is None or score >= threshold]
        return _response(above, len(nearest))


async def _search_text(
    selection: Selection, query: TextQuery, ids: list[str]
) -> tuple[list[str], NDArray[np.float64]]:
    """Return those of `ids` that `query` matches, in their order, and their scores."""
    mapping = selection.compiler.mapping
    if query.field and query.field not in mapping.fields:
        message = f"Field {query.field} not found in dataset {mapping.dataset_id}"
        raise SearchRejectedError(message)
    queue = selection.compiler.queue
    # What a word scores depends on all records that are read: an annotator's are the annotator's own.
    index = _text_indexes.of(mapping) if queue is None else _queue_indexes.of(mapping, queue.user_id)
    async with index.lock:
        await index.refresh(selection.scope, open_session, selection.compiler.dialect)
        return await asyncio.to_thread(text_search.search, index, query.q, query.field or None, ids)


async def _count(session: AsyncSession, by_status: Select[tuple[str, int]]) -> dict[str, int]:
    counts = list((await session.execute(by_status)).tuples())
    counts.sort(key=lambda status: (-status[1], status[0]))
    return {"total": sum(count for _, count in counts), **dict(counts)}


def _response(scored_ids: Sequence[tuple[str, float | None]], total: int) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(digits), score=score) for digits, score in scored_ids]
    return SearchResponses(items=items, total=total)
