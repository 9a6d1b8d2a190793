"""Lets an annotator's request reach Argilla as far as it is about what is theirs, where datasets are routed.

Argilla lets every member of a workspace read and answer all of its records. What is refused is refused in the same
words, whether it is another's or does not exist: ids that were guessed are worth nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from argilla_server.api.schemas.v1.records import SearchRecordsQuery
from argilla_server.api.schemas.v1.responses import ResponsesBulkCreate
from argilla_server.models import Response
from argilla_server.settings import settings
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from argilla_sql_search.assignments import records_of
from argilla_sql_search.errors import RefusedError
from argilla_sql_search.name import NAME
from argilla_sql_search.routes import About
from argilla_sql_search.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue
    from sqlalchemy.ext.asyncio import AsyncSession

    from argilla_sql_search.viewers import Viewer

NOT_YOURS = "this record is not assigned to you"
RESPONSE_NOT_YOURS = "this response is not yours, or its record is not assigned to you"
NO_ROUTER = f"datasets are routed here, which this server's search engine cannot do: it is not {NAME!r}"
_id: TypeAdapter[UUID] = TypeAdapter(UUID)  # reads an id of a path as Argilla's routes do


@dataclass(frozen=True)
class Passed:
    """What of a request reaches Argilla.

    Args:
        body: what is left of the body; None if the request's body was not looked at.
        refused: the refusals of the items of a request in bulk that do not reach it, by their places.
        is_answered: whether nothing is left.
    """

    body: bytes | None
    refused: Mapping[int, JsonValue] = field(default_factory=dict)
    is_answered: bool = False


async def let_through(
    about: About, viewer: Viewer, parameters: Mapping[str, Any], body: bytes | None
) -> Passed:
    """Return what of an annotator's request reaches Argilla.

    Args:
        about: what the request is about.
        viewer: who asks.
        parameters: of the path.
        body: of the request; None unless `about` is a search or in bulk.

    Raises `RefusedError` when nothing does. Without a routed dataset in their workspaces everything does.
    """
    if not viewer.routed:
        return Passed(body)
    if about in {About.SEARCH, About.FIGURES} and settings.search_engine != NAME:
        raise RefusedError(NO_ROUTER)
    user_id = UUID(viewer.id)
    async with open_session() as session:
        if about is About.RECORD:
            await _check_record(session, user_id, parameters.get("record_id"))
        elif about is About.RESPONSE:
            await _check_response(session, user_id, parameters.get("response_id"))
        elif about is About.SEARCH and body is not None:
            await _check_search(session, user_id, body)
        elif about is About.BULK and body is not None:
            return await _sift(session, user_id, body)
    return Passed(body)


async def _check_record(session: AsyncSession, user_id: UUID, named: object) -> None:
    try:
        record = _id.validate_python(named)
    except ValidationError:  # Argilla refuses it
        return
    if not await records_of(session, user_id, [record]):
        raise RefusedError(NOT_YOURS)


async def _check_response(session: AsyncSession, user_id: UUID, named: object) -> None:
    try:
        response = _id.validate_python(named)
    except ValidationError:
        return
    record = await session.scalar(
        select(Response.record_id).where(Response.id == response, Response.user_id == user_id)
    )
    if record is None or not await records_of(session, user_id, [record]):
        raise RefusedError(RESPONSE_NOT_YOURS)


async def _check_search(session: AsyncSession, user_id: UUID, body: bytes) -> None:
    """Refuse a search for what is like a record that is not theirs: it would tell what stands there."""
    try:
        query = SearchRecordsQuery.model_validate_json(body).query
    except ValidationError:
        return
    record = query.vector.record_id if query and query.vector else None
    if record is not None and not await records_of(session, user_id, [record]):
        raise RefusedError(NOT_YOURS)


async def _sift(session: AsyncSession, user_id: UUID, body: bytes) -> Passed:
    """Keep the responses to the annotator's records; the body is written anew, so that Argilla reads what was kept."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return Passed(b"")
    try:
        responses = ResponsesBulkCreate.model_validate(asked).items
    except ValidationError:
        return Passed(json.dumps(asked).encode())
    theirs = await records_of(session, user_id, {response.record_id for response in responses})
    kept = [
        item for item, response in zip(asked["items"], responses, strict=True) if response.record_id in theirs
    ]
    refusal: JsonValue = {"item": None, "error": {"detail": NOT_YOURS}}
    refused = {place: refusal for place, response in enumerate(responses) if response.record_id not in theirs}
    return Passed(json.dumps({**asked, "items": kept}).encode(), refused, is_answered=not kept)
