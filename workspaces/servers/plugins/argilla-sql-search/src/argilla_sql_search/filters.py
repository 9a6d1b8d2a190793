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
from sqlalchemy import Text, and_, cast, exists, false, func, literal, or_, select, true

from argilla_sql_search import comparisons
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.json_values import SQLITE, JsonValues, keyword, values_at
from argilla_sql_search.mapping import Kind, Mapping

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from argilla_server.search_engine import Filter, FilterScope, Order
    from sqlalchemy import ColumnElement

    Condition = Callable[[ColumnElement[Any]], ColumnElement[bool]]


@dataclass(frozen=True)
class FilterCompiler:
    """Compiles filters and orders for one dataset and one database dialect."""

    mapping: Mapping
    dialect: str

    def where(self, wanted: Filter) -> ColumnElement[bool]:
        """Return the condition on `records` that `wanted` stands for.

        Raises `SearchRejectedError` for what Elasticsearch rejects, such as a word where a number is needed.
        """
        if isinstance(wanted, AndFilter):
            return and_(true(), *map(self.where, wanted.filters))
        scope = wanted.scope
        if isinstance(scope, ResponseFilterScope) and not scope.question:
            if scope.property == "status" and isinstance(wanted, TermsFilter):
                return self._response_status(list(wanted.values), scope.user.id if scope.user else None)
            message = f"Cannot process filter scope {scope}"
            raise SearchRejectedError(message)
        kind = self._kind(scope)
        return self._matches(scope, kind, _condition(wanted, kind))

    def order_by(self, order: Order) -> ColumnElement[Any]:
        """Return the expression that sorts `records` by `order`; a record without a value comes last.

        Of several values Elasticsearch takes the least when ascending and the greatest when descending, and
        the average of those of several responses. Raises `SearchRejectedError` where it cannot sort.
        """
        scope = order.scope
        kind = self._kind(scope)
        if kind is Kind.UNMAPPED:
            message = f"No mapping found for [{scope}] in order to sort on"
            raise SearchRejectedError(message)
        if isinstance(scope, ResponseFilterScope) and kind is not Kind.INTEGER:
            message = f"we only support AVG, MEDIAN and SUM on number based fields, not on [{scope}]"
            raise SearchRejectedError(message)
        descending = order.order == SortOrder.desc
        value = self._sort_value(scope, kind, func.max if descending else func.min)
        return (value.desc() if descending else value.asc()).nulls_last()

    def _kind(self, scope: FilterScope) -> Kind:
        if isinstance(scope, MetadataFilterScope):
            return self.mapping.metadata.get(scope.metadata_property, Kind.UNMAPPED)
        if isinstance(scope, RecordFilterScope):
            return _RECORD_KINDS.get(str(scope.property), Kind.UNMAPPED)
        if isinstance(scope, SuggestionFilterScope):
            question = self.mapping.questions.get(scope.question)
            if question is None:
                return Kind.UNMAPPED
            return (
                question.kind
                if scope.property == "value"
                else _SUGGESTION_KINDS.get(scope.property, Kind.UNMAPPED)
            )
        if isinstance(scope, ResponseFilterScope):
            if scope.question:
                question = self.mapping.questions.get(scope.question)
                return question.kind if question else Kind.UNMAPPED
            return Kind.KEYWORD if scope.property else Kind.UNMAPPED
        message = f"Cannot process request for search scope {scope}"
        raise ValueError(message)

    def _matches(self, scope: FilterScope, kind: Kind, condition: Condition) -> ColumnElement[bool]:
        """Return that the record has a value in `scope` that satisfies `condition`."""
        if kind is Kind.UNMAPPED:
            return false()
        if isinstance(scope, RecordFilterScope):
            return condition(self._record_column(str(scope.property)))
        if isinstance(scope, MetadataFilterScope):
            return self._metadata_values(scope.metadata_property).any(kind, condition)
        if isinstance(scope, SuggestionFilterScope):
            # The question belongs to this dataset, so the inner query need not look at the record.
            question_id = self.mapping.questions[scope.question].id
            matching = select(Suggestion.record_id).where(Suggestion.question_id == question_id)
            if scope.property in {"agent", "type"}:
                return Record.id.in_(matching.where(condition(self._suggestion_column(scope.property))))
            return Record.id.in_(matching.where(self._suggestion_values(scope.property).any(kind, condition)))
        matches = values_at(self.dialect, Response.values, scope.question, "value").any(kind, condition)
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
        self, scope: FilterScope, kind: Kind, extreme: Callable[..., ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        if isinstance(scope, RecordFilterScope):
            return self._record_column(str(scope.property))
        if isinstance(scope, MetadataFilterScope):
            return self._metadata_values(scope.metadata_property).extreme(kind, extreme)
        if isinstance(scope, SuggestionFilterScope):
            suggestion = select().where(
                Suggestion.record_id == Record.id,
                Suggestion.question_id == self.mapping.questions[scope.question].id,
            )
            if scope.property in {"agent", "type"}:
                column = self._suggestion_column(scope.property)
            else:
                column = self._suggestion_values(scope.property).extreme(kind, extreme)
            return suggestion.add_columns(column).select_from(Suggestion).scalar_subquery()
        values = values_at(self.dialect, Response.values, scope.question, "value")
        # An integer field's average is an integer: Elasticsearch rounds it, and sorts ties by the next order.
        average = select(func.round(func.avg(values.number))).select_from(Response).join(values.rows, true())
        average = average.where(Response.record_id == Record.id)
        if scope.user:
            average = average.where(Response.user_id == scope.user.id)
        return average.scalar_subquery()

    def _record_column(self, name: str) -> ColumnElement[Any]:
        if name == "id":
            return record_id_text(self.dialect)
        if name in {"status", "external_id"}:
            column = getattr(Record, name)
            return keyword(self.dialect, cast(column, Text) if self.dialect != SQLITE else column)
        return getattr(Record, name)

    def _suggestion_column(self, name: str) -> ColumnElement[Any]:
        column = getattr(Suggestion, name)
        return keyword(self.dialect, cast(column, Text) if self.dialect != SQLITE else column)

    def _metadata_values(self, name: str) -> JsonValues:
        return values_at(self.dialect, Record.metadata_, name)

    def _suggestion_values(self, name: str) -> JsonValues:
        return values_at(self.dialect, getattr(Suggestion, name))


def record_id_text(dialect: str) -> ColumnElement[str]:
    """Return the record's id as Argilla writes it: 36 characters, with dashes."""
    if dialect != SQLITE:
        return keyword(dialect, cast(Record.id, Text))
    digits = keyword(dialect, Record.id)
    expression: ColumnElement[str] = func.substr(digits, 1, 8)
    for start, length in ((9, 4), (13, 4), (17, 4), (21, 12)):
        expression = expression + literal("-") + func.substr(digits, start, length)
    return expression


_RECORD_KINDS = {
    "id": Kind.KEYWORD,
    "external_id": Kind.KEYWORD,
    "status": Kind.KEYWORD,
    "inserted_at": Kind.DATE,
    "updated_at": Kind.DATE,
}
_SUGGESTION_KINDS = {"score": Kind.FLOAT, "agent": Kind.KEYWORD, "type": Kind.KEYWORD}


def _condition(wanted: TermsFilter | RangeFilter, kind: Kind) -> Condition:
    if isinstance(wanted, TermsFilter):
        return comparisons.terms(kind, wanted.values)
    if isinstance(wanted, RangeFilter):
        return comparisons.between(kind, wanted.ge, wanted.le)
    message = f"Cannot process request for filter {wanted}"
    raise ValueError(message)
