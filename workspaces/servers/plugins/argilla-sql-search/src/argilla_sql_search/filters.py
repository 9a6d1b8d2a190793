"""Argilla's filters and orders as SQL over `records`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argilla_server.enums import ResponseStatusFilter, SortOrder
from argilla_server.models import Record, Response, Suggestion
from argilla_server.search_engine import (
    AndFilter,
    MetadataFilterScope,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)
from sqlalchemy import Text, and_, cast, exists, false, func, or_, select, true

from argilla_sql_search import comparisons
from argilla_sql_search.dialects import SQLITE, keyword, record_id_text
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.json_values import JsonValues, values_at
from argilla_sql_search.mapping import MappedType, Mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from argilla_server.search_engine import Filter, FilterScope, Order
    from sqlalchemy import ColumnElement

    from argilla_sql_search.assignments import Queue
    from argilla_sql_search.comparisons import Condition


@dataclass(frozen=True)
class FilterCompiler:
    """Compiles filters and orders for one dataset and one database dialect, for whom `queue` belongs to."""

    mapping: Mapping
    dialect: str
    queue: Queue | None = None

    def where(self, search_filter: Filter) -> ColumnElement[bool]:
        """Return the condition on `records` that `search_filter` stands for.

        Raises `SearchRejectedError` for what Elasticsearch rejects, such as a word where a number is needed.
        """
        if isinstance(search_filter, AndFilter):
            return and_(true(), *map(self.where, search_filter.filters))
        scope = search_filter.scope
        if isinstance(scope, ResponseFilterScope) and not scope.question:
            if scope.property == "status" and isinstance(search_filter, TermsFilter):
                return self._response_status(
                    list(search_filter.values), scope.user.id if scope.user else None
                )
            message = f"Cannot process filter scope {scope}"
            raise SearchRejectedError(message)
        mapped_type = self._mapped_type(scope)
        return self._matches(scope, mapped_type, _condition(search_filter, mapped_type))

    def order_by(self, order: Order) -> ColumnElement[Any]:
        """Return the expression that sorts `records` by `order`; a record without a value comes last.

        Of several values Elasticsearch takes the least when ascending and the greatest when descending, and
        the average of those of several responses. Raises `SearchRejectedError` where it cannot sort.
        """
        scope = order.scope
        mapped_type = self._mapped_type(scope)
        if mapped_type is MappedType.UNMAPPED:
            message = f"No mapping found for [{scope}] in order to sort on"
            raise SearchRejectedError(message)
        if isinstance(scope, ResponseFilterScope) and mapped_type is not MappedType.INTEGER:
            message = f"we only support AVG, MEDIAN and SUM on number based fields, not on [{scope}]"
            raise SearchRejectedError(message)
        descending = order.order == SortOrder.desc
        value = self._sort_value(scope, mapped_type, func.max if descending else func.min)
        return (value.desc() if descending else value.asc()).nulls_last()

    def _mapped_type(self, scope: FilterScope) -> MappedType:
        if isinstance(scope, MetadataFilterScope):
            return self.mapping.metadata.get(scope.metadata_property, MappedType.UNMAPPED)
        if isinstance(scope, RecordFilterScope):
            return _RECORD_TYPES.get(str(scope.property), MappedType.UNMAPPED)
        if isinstance(scope, SuggestionFilterScope):
            question = self.mapping.questions.get(scope.question)
            if question is None:
                return MappedType.UNMAPPED
            return (
                question.mapped_type
                if scope.property == "value"
                else _SUGGESTION_TYPES.get(scope.property, MappedType.UNMAPPED)
            )
        if isinstance(scope, ResponseFilterScope):
            if scope.question:
                question = self.mapping.questions.get(scope.question)
                return question.mapped_type if question else MappedType.UNMAPPED
            return MappedType.KEYWORD if scope.property else MappedType.UNMAPPED
        message = f"Cannot process request for search scope {scope}"
        raise ValueError(message)

    def _matches(
        self, scope: FilterScope, mapped_type: MappedType, condition: Condition
    ) -> ColumnElement[bool]:
        """Return that the record has a value in `scope` that satisfies `condition`."""
        if mapped_type is MappedType.UNMAPPED:
            return false()
        if isinstance(scope, RecordFilterScope):
            return condition(self._record_column(str(scope.property)))
        if isinstance(scope, MetadataFilterScope):
            return self._metadata_values(scope.metadata_property).any(mapped_type, condition)
        if isinstance(scope, SuggestionFilterScope):
            # The question belongs to this dataset, so the inner query need not look at the record.
            question_id = self.mapping.questions[scope.question].id
            matching = select(Suggestion.record_id).where(Suggestion.question_id == question_id)
            if scope.property in {"agent", "type"}:
                matching = matching.where(condition(self._suggestion_column(scope.property)))
            else:
                matching = matching.where(self._suggestion_values(scope.property).any(mapped_type, condition))
            if self.queue is not None:  # of few records: look each one up
                return matching.where(Suggestion.record_id == Record.id).exists()
            return Record.id.in_(matching)
        matches = self._response_values(scope).any(mapped_type, condition)
        if scope.user:
            answered = select(Response.record_id).where(Response.user_id == scope.user.id)
            return Record.id.in_(answered.where(matches))
        return exists().where(Response.record_id == Record.id, matches)

    def _response_status(self, statuses: list[str], user_id: UUID | None) -> ColumnElement[bool]:
        """Return that the record has a response in one of `statuses`; pending is to have none."""
        answered = select(Response.record_id).where(Response.user_id == user_id)
        pending = ResponseStatusFilter.pending in statuses
        stored = [status for status in statuses if status != ResponseStatusFilter.pending]
        has_stored = Response.status.in_(
            [status for status in stored if status in Response.status.type.enums]
        )
        conditions = []
        if pending:
            any_response = exists().where(Response.record_id == Record.id)
            conditions.append(Record.id.not_in(answered) if user_id else ~any_response)
        if stored and user_id:
            conditions.append(Record.id.in_(answered.where(has_stored)))
        elif stored:
            conditions.append(exists().where(Response.record_id == Record.id, has_stored))
        elif not pending:
            conditions.append(Record.id.in_(answered) if user_id else true())
        return or_(*conditions)

    def _sort_value(
        self, scope: FilterScope, mapped_type: MappedType, extreme: Callable[..., ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        if isinstance(scope, RecordFilterScope):
            return self._record_column(str(scope.property))
        if isinstance(scope, MetadataFilterScope):
            return self._metadata_values(scope.metadata_property).extreme(mapped_type, extreme)
        if isinstance(scope, SuggestionFilterScope):
            suggestion = select().where(
                Suggestion.record_id == Record.id,
                Suggestion.question_id == self.mapping.questions[scope.question].id,
            )
            if scope.property in {"agent", "type"}:
                column = self._suggestion_column(scope.property)
            else:
                column = self._suggestion_values(scope.property).extreme(mapped_type, extreme)
            return suggestion.add_columns(column).select_from(Suggestion).scalar_subquery()
        values = self._response_values(scope)
        # An integer field's average is an integer: Elasticsearch rounds it, and sorts ties by the next order.
        average = select(func.round(func.avg(values.number))).select_from(Response).join(values.rows, true())
        average = average.where(Response.record_id == Record.id)
        if scope.user:
            average = average.where(Response.user_id == scope.user.id)
        return average.scalar_subquery()

    def _record_column(self, name: str) -> ColumnElement[Any]:
        if name == "id":
            return record_id_text(self.dialect)
        if name == "status" and self.queue is not None:
            return keyword(self.dialect, self.queue.own_status())
        if name in {"status", "external_id"}:
            text = getattr(Record, name)
            return keyword(self.dialect, cast(text, Text) if self.dialect != SQLITE else text)
        column: ColumnElement[Any] = getattr(Record, name)
        return column

    def _suggestion_column(self, name: str) -> ColumnElement[Any]:
        column = getattr(Suggestion, name)
        return keyword(self.dialect, cast(column, Text) if self.dialect != SQLITE else column)

    def _metadata_values(self, name: str) -> JsonValues:
        return values_at(self.dialect, Record.metadata_, name)

    def _suggestion_values(self, name: str) -> JsonValues:
        return values_at(self.dialect, getattr(Suggestion, name))

    def _response_values(self, scope: ResponseFilterScope) -> JsonValues:
        # `where` and `order_by` have refused a scope without a question.
        return values_at(self.dialect, Response.values, scope.question or "", "value")


_RECORD_TYPES = {
    "id": MappedType.KEYWORD,
    "external_id": MappedType.KEYWORD,
    "status": MappedType.KEYWORD,
    "inserted_at": MappedType.DATE,
    "updated_at": MappedType.DATE,
}
_SUGGESTION_TYPES = {"score": MappedType.FLOAT, "agent": MappedType.KEYWORD, "type": MappedType.KEYWORD}


def _condition(search_filter: TermsFilter | RangeFilter, mapped_type: MappedType) -> Condition:
    if isinstance(search_filter, TermsFilter):
        return comparisons.terms(mapped_type, search_filter.values)
    if isinstance(search_filter, RangeFilter):
        return comparisons.between(mapped_type, search_filter.ge, search_filter.le)
    message = f"Cannot process request for filter {search_filter}"
    raise ValueError(message)
