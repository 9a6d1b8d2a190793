"""What an annotator may ask a search for: filters and orders tell as much as bodies do.

The answers that a filter or an order looks at are the annotator's own already: Argilla's handler says so to the
search engine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from argilla_server.api.schemas.v1.records import MetadataFilterScope, RecordFilterScope, SearchRecordsQuery
from argilla_server.api.schemas.v1.responses import ResponseFilterScope
from argilla_server.api.schemas.v1.suggestions import SuggestionFilterScope
from argilla_server.enums import RecordSortField
from pydantic import ValidationError

from argilla_sql_search.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argilla_server.api.schemas.v1.records import FilterScope

RECORD_PROPERTIES = frozenset(
    {RecordSortField.id, RecordSortField.external_id, RecordSortField.inserted_at, RecordSortField.status}
)
SUGGESTION_PROPERTIES = frozenset({None, "value", "score", "type"})


class QueryRefusedError(RefusedError):
    """A search that would tell an annotator what is not theirs; the message says which part of it."""


def permitted_query(body: bytes, visible_metadata: frozenset[str]) -> bytes:
    """Return a search as the annotator may ask it, written anew, so that Argilla reads what was checked here.

    A record's `updated_at`, which others' answers move, stands for its `inserted_at`, as in the bodies.

    Args:
        body: of the request. One that Argilla will refuse is returned with its JSON written anew, or empty.
        visible_metadata: the names of the dataset's metadata properties that annotators see.

    Raises `QueryRefusedError` for what an annotator may not ask.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    try:
        query = SearchRecordsQuery.model_validate(asked)
    except ValidationError:
        return json.dumps(asked).encode()
    for scope in _scopes(query):
        if isinstance(scope, RecordFilterScope) and scope.property == RecordSortField.updated_at:
            scope.property = RecordSortField.inserted_at
        _check(scope, visible_metadata)
    return query.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _scopes(query: SearchRecordsQuery) -> Iterator[FilterScope]:
    if query.filters:
        yield from (part.scope for part in query.filters.and_ or ())
    yield from (order.scope for order in query.sort or ())


def _check(scope: FilterScope, visible_metadata: frozenset[str]) -> None:
    if isinstance(scope, ResponseFilterScope):
        return
    if isinstance(scope, RecordFilterScope) and scope.property in RECORD_PROPERTIES:
        return
    if isinstance(scope, MetadataFilterScope):
        if scope.metadata_property in visible_metadata:
            return
        raise QueryRefusedError(
            f"this dataset shows annotators no metadata property {scope.metadata_property!r}"
        )
    if isinstance(scope, SuggestionFilterScope) and scope.property in SUGGESTION_PROPERTIES:
        return
    raise QueryRefusedError(f"annotators cannot filter or sort by {getattr(scope, 'property', scope)!s}")
