"""Keeps annotators blind to each other: middleware around Argilla's API that holds to the table of routes."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Route

from argilla_sql_search.errors import RefusedError
from argilla_sql_search.gate import let_through
from argilla_sql_search.memberships import remembered_memberships
from argilla_sql_search.queries import permitted_query
from argilla_sql_search.routes import REFUSAL, ROUTES, About, Closed, Public, Rule, Seen
from argilla_sql_search.served import note_served, records_in
from argilla_sql_search.viewers import ASKER, NOBODY, viewer_of
from argilla_sql_search.views import NotTheirsError, WithRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from pydantic import JsonValue
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from argilla_sql_search.viewers import Viewer
    from argilla_sql_search.views import View

HEADER = "X-Argilla-Annotators"
"""A header of every answer of the API, by which a client can tell that annotators are blind to each other."""

BLIND = "blind"
"""The value of `HEADER`."""

WITH_BODY = frozenset({About.SEARCH, About.BULK})
"""What is asked in the body of a request, which is read and written anew."""

FAILED = "the server failed; its log says why"
REFUSED = "refused"
_logger = logging.getLogger("argilla")


def install_blindness(api: FastAPI) -> None:
    """Put the middleware around Argilla's API; once is enough."""
    installed: list[object] = [middleware.cls for middleware in api.user_middleware]
    if Blindness not in installed:
        api.add_middleware(Blindness, routes=api.router.routes)


class Blindness:
    """ASGI middleware: what an annotator sends and gets is what the table of routes allows."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], rules: Mapping[str, Rule] = ROUTES) -> None:
        self._app = app
        self._routes = routes
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_header(send)
        found = self._find(scope)
        if found is None:  # 404 or 405
            await self._app(scope, receive, send)
            return
        name, parameters = found
        rule = self._rules.get(name, Closed())
        if isinstance(rule, Public):
            await self._app(scope, receive, send)
            return
        shows_metadata = isinstance(rule, Seen) and rule.shows_metadata
        try:
            viewer = await viewer_of(scope, with_metadata=shows_metadata)
        except Exception:  # as in `_run`
            await _say(scope, receive, send, 500, FAILED)
            raise
        if viewer is not None and viewer.is_lead:
            await self._app(scope, receive, send)
            return
        if viewer is None and name in self._rules:  # Argilla itself refuses strangers
            await self._run(scope, receive, send, None, None)
            return
        if viewer is None or isinstance(rule, Closed):
            await _refuse(scope, receive, send, f"annotators may not use {name}: it is for owners and admins")
            return
        asker = ASKER.set(viewer.id)
        try:
            with remembered_memberships():  # of annotators, who change none
                await self._admit(scope, receive, send, rule, viewer, parameters)
        except ClientDisconnect:
            return
        finally:
            ASKER.reset(asker)

    async def _admit(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        rule: Seen,
        viewer: Viewer,
        parameters: Mapping[str, Any],
    ) -> None:
        """Let an annotator's request pass as far as what it is about is theirs."""
        view = rule.view
        try:
            body = await Request(scope, receive).body() if rule.about in WITH_BODY else None
            if rule.about is About.SEARCH and body is not None:
                body = permitted_query(body, viewer.visible_metadata.get(_dataset(parameters), frozenset()))
            if rule.about is not None:
                passed = await let_through(rule.about, viewer, parameters, body)
                if passed.refused:
                    view = WithRefused(view, passed.refused)
                if passed.is_answered:
                    await JSONResponse(view.see(viewer, {"items": []}, {}))(scope, receive, send)
                    return
                body = passed.body
        except RefusedError as error:
            await _refuse(scope, receive, send, str(error))
            return
        except Exception as error:  # as in `_run`
            if not isinstance(error, ClientDisconnect):
                await _say(scope, receive, send, 500, FAILED)
            raise
        if body is not None:
            receive = _again(body, receive)
        await self._run(scope, receive, send, viewer, view, serves_records=rule.serves_records)

    def _find(self, scope: Scope) -> tuple[str, Mapping[str, Any]] | None:
        """Return the route that will run, such as ``GET /me``, and its parameters, found as the router does."""
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                path = route.path if isinstance(route, Route) else repr(route)
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                return f"{method} {path}", child.get("path_params", {})
        return None

    async def _run(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        viewer: Viewer | None,
        view: View | None,
        *,
        serves_records: bool = False,
    ) -> None:
        """Run the route and send what the viewer may hold of its answer; a stranger may hold a refusal."""
        answer = _HeldAnswer(send, viewer, view, serves_records=serves_records)
        try:
            await self._app(scope, receive, answer.take)
        except Exception:
            # Argilla would send the text of the exception, with what stands in it.
            if not answer.is_sent:
                await _say(scope, receive, send, 500, FAILED)
            raise


class _HeldAnswer:
    """An answer of the API, held until it is whole, then sent as its view shows it, once that is noted of records."""

    def __init__(self, send: Send, viewer: Viewer | None, view: View | None, *, serves_records: bool) -> None:
        self.is_sent = False
        self._seen: JsonValue = None
        self._serves_records = serves_records
        self._send = send
        self._viewer = viewer
        self._view = view
        self._start: Message | None = None
        self._body = bytearray()

    async def take(self, message: Message) -> None:
        """Take a part of the answer; with the last one, send it."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body" or self._start is None:
            raise NotTheirsError
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        headers = MutableHeaders(raw=list(self._start["headers"]))
        status, body = self._shown(self._start["status"], headers)
        for name in ("etag", "last-modified", "content-md5", "digest"):
            del headers[name]
        if body or "content-length" in headers:
            headers["content-length"] = str(len(body))
        if self._serves_records and self._viewer is not None:
            await note_served(self._viewer.id, records_in(self._seen))
        self.is_sent = True
        await self._send({**self._start, "status": status, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})

    def _shown(self, status: int, headers: MutableHeaders) -> tuple[int, bytes]:
        """Return the status and the body to send."""
        if status >= 500:
            return status, _detail(headers, FAILED)
        if status < 400 and not self._body:
            return status, b""
        try:
            if status >= 400:
                return status, _as_json(REFUSAL.see(NOBODY, self._content(headers), {}))
            if self._viewer is None or self._view is None:
                raise NotTheirsError
            self._seen = self._view.see(self._viewer, self._content(headers), {})
            return status, _as_json(self._seen)
        except NotTheirsError:
            if status >= 400:
                return status, _detail(headers, REFUSED)
            _logger.error("an answer was held back: it is not the annotator's, or of an unknown form")
            return 403, _detail(headers, "this answer is not yours to see")

    def _content(self, headers: MutableHeaders) -> JsonValue:
        """Return the JSON of the body; raise `NotTheirsError` for a body that is something else."""
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" or headers.get("content-encoding"):
            raise NotTheirsError
        try:
            content: JsonValue = json.loads(self._body)
        except ValueError:
            raise NotTheirsError from None
        return content


def _dataset(parameters: Mapping[str, Any]) -> str:
    """Return the id of the dataset that a path names, as Argilla writes it; nothing if Argilla will refuse it."""
    try:
        return str(UUID(str(parameters.get("dataset_id"))))
    except ValueError:
        return ""


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what a route receives: a body that was read before, perhaps written anew."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _with_header(send: Send) -> Send:
    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers[HEADER] = BLIND
            message = {**message, "headers": headers.raw}
        await send(message)

    return send_with_header


async def _refuse(scope: Scope, receive: Receive, send: Send, words: str) -> None:
    await _say(scope, receive, send, 403, words)


async def _say(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    await JSONResponse({"detail": words}, status)(scope, receive, send)


def _detail(headers: MutableHeaders, words: str) -> bytes:
    """Return a body that says why there is none, and set the headers that describe it."""
    headers["content-type"] = "application/json"
    del headers["content-encoding"]
    return _as_json({"detail": words})


def _as_json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
