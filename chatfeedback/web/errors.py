"""Refusals and failures in words: as a page for people, as JSON where programs ask."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from chatfeedback.web.pages import render
from chatfeedback.web.security_headers import headers_of
from workspaces.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

WORDS = {
    400: "The request cannot be read.",
    404: "There is no such page, or it is not yours.",
    405: "This cannot be done here.",
    500: "Something went wrong here. Nothing was half-done; the lead of the project can look it up.",
    503: "This cannot be done just now: another step of the project is at work, or a platform cannot be reached. "
    "Try again in a minute.",
}
_LOG = logging.getLogger("chatfeedback.web")


def refusal(request: Request, error: HTTPException) -> Response:
    """Return the response to a request that is refused."""
    status, headers = error.status_code, dict(error.headers or {})
    phrase = HTTPStatus(status).phrase
    words = error.detail if error.detail not in ("", phrase) else WORDS.get(status, f"{phrase}.")
    if request.url.path.startswith(request.app.state.without_cookies):
        kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        return JSONResponse({"error": {"message": words, "type": kind, "code": None}}, status, headers)
    response = render(request, "error.html.jinja", status, words=words, phrase=phrase)
    response.headers.update(headers)
    return response


def handlers() -> dict[type[Exception], Callable[[Request, Exception], Response]]:
    """Return what answers each exception that pages raise."""
    return {
        HTTPException: _refused,
        WorkbenchError: _failed,
        DBAPIError: _failed,
        Exception: _unexpected,
    }


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(request, error)


def _failed(request: Request, error: Exception) -> Response:
    """Answer a step that failed. What its user can mend is said; the rest names paths and commands of the lead's."""
    if isinstance(error, UsageError):
        return refusal(request, HTTPException(422, str(error)))
    _LOG.warning("%s %s: %s", request.method, _page(request), type(error).__name__)
    return refusal(request, HTTPException(503))


def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s: unexpected %s", request.method, _page(request), type(error).__name__)
    response = refusal(request, HTTPException(500))
    response.headers.update(
        headers_of(request.url.path, request.app.state.from_anywhere)
    )  # no middleware is passed
    return response


def _page(request: Request) -> str:
    """Return the name of what answers a request, for the log: its address may hold a link to sign in."""
    endpoint = request.scope.get("endpoint")
    return getattr(endpoint, "__qualname__", type(endpoint).__qualname__)
