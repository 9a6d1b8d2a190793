"""The search engine that Argilla calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import Record, Response
from argilla_server.search_engine import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)
from sqlalchemy import func, select, text, true

from argilla_sql_search import text_search
from argilla_sql_search.dialects import SQLITE
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.json_values import values_at
from argilla_sql_search.numerics import to_float32
from argilla_sql_search.selection import select_records
from argilla_sql_search.sessions import dialect_of, open_session
from argilla_sql_search.shuffle import random_scores
from argilla_sql_search.text_index import TextIndexes
from argilla_sql_search.vector_index import VectorIndexes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argilla_server.enums import RecordStatus, ResponseStatus
    from argilla_server.models import Dataset, MetadataProperty, Suggestion, User, VectorSettings
    from argilla_server.search_engine import Filter, MetadataMetrics, Order
    from numpy.typing import NDArray
    from sqlalchemy import Select

    from argilla_sql_search.selection import Selection

MAX_TERMS = 2**14
"""The most terms that the metrics of a metadata property list, as in Argilla's Elasticsearch engine."""

_text_indexes = TextIndexes()
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
            return {"name": "sql", "database": dialect, "version": await session.scalar(version)}

    async def create_index(self, dataset: Dataset) -> None:
        """Do nothing: the records are the index."""

    async def delete_index(self, dataset: Dataset) -> None:
        """Free the memory that the dataset's words take."""
        _text_indexes.drop(dataset.id)

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
        """Return how many records there are, in all (`total`) and of each status that occurs."""
        if dataset.is_draft:
            return {}
        by_status = (
            select(Record.status, func.count()).where(Record.dataset_id == dataset.id).group_by(Record.status)
        )
        return await _count(by_status)

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """Return how many responses the user has given, in all (`total`) and of each status that occurs."""
        if dataset.is_draft:
            return {}
        by_status = select(Response.status, func.count()).join(Record, Record.id == Response.record_id)
        of_user = Response.user_id == user.id, Record.dataset_id == dataset.id
        return await _count(by_status.where(*of_user).group_by(Response.status))

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
        Raises `SearchRejectedError` for a search that Elasticsearch would refuse.
        """
        query = TextQuery(q=query) if isinstance(query, str) else query
        shuffled = bool(user_id) and not sort
        async with open_session() as session:
            selection = await select_records(session, dataset.id, filter)
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
        ranking = np.argsort(-scores, kind="stable")[offset : offset + limit].tolist()
        return _response([(ids[place], float(scores[place])) for place in ranking], len(ids))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """Return the terms of a metadata property with their counts, or the range of its numbers."""
        async with open_session() as session:
            values = values_at(dialect_of(session), Record.metadata_, metadata_property.name)
            in_dataset = Record.dataset_id == metadata_property.dataset_id
            if metadata_property.type == MetadataPropertyType.terms:
                # A record that has a term twice counts once for it.
                count = func.count(Record.id.distinct()).label("count")
                statement = select(values.text, count).select_from(Record).join(values.rows, true())
                statement = statement.where(in_dataset, values.text.is_not(None)).group_by(values.text)
                rows = (await session.execute(statement.order_by(count.desc(), values.text))).all()
                terms = [TermsMetrics.TermCount(term=term, count=count) for term, count in rows[:MAX_TERMS]]
                return TermsMetrics(total=sum(count for _, count in rows), values=terms)
            extremes = select(func.min(values.number), func.max(values.number)).select_from(Record)
            least, greatest = (
                await session.execute(extremes.join(values.rows, true()).where(in_dataset))
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
            selection = await select_records(session, dataset.id, filter)
            candidates = await selection.ids(session, None)
        if query:
            query = TextQuery(q=query) if isinstance(query, str) else query
            candidates, _ = await _search_text(selection, query, candidates)
        if record:
            candidates = [digits for digits in candidates if digits != record.id.hex]
        index = _vector_indexes.of(vector_settings.id, vector_settings.dimensions)
        async with index.lock:
            await index.refresh(vector_settings.id, open_session, selection.compiler.dialect)
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
    index = _text_indexes.of(mapping)
    async with index.lock:
        await index.refresh(mapping.dataset_id, open_session, selection.compiler.dialect)
        return await asyncio.to_thread(text_search.search, index, query.q, query.field or None, ids)


async def _count(
    by_status: Select[tuple[RecordStatus, int]] | Select[tuple[ResponseStatus, int]],
) -> dict[str, int]:
    async with open_session() as session:
        counts = [(str(status.value), count) for status, count in (await session.execute(by_status)).tuples()]
    counts.sort(key=lambda status: (-status[1], status[0]))
    return {"total": sum(count for _, count in counts), **dict(counts)}


def _response(scored_ids: Sequence[tuple[str, float | None]], total: int) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(digits), score=score) for digits, score in scored_ids]
    return SearchResponses(items=items, total=total)
