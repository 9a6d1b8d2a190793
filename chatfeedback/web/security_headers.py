"""What each response tells the browser: to load nothing from elsewhere, to run no inline script, to keep no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # 'no-referrer' would take the origin from forms
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

FROM_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, DELETE",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}
"""What programs in pages of other sites need in order to read an answer, a refusal too (``Part.from_anywhere``)."""

KEPT = "/static/"
"""The beginning of paths that a browser may keep: they are the same for everybody."""


class SecurityHeaders:
    """A middleware that adds the headers to every response, also to refusals.

    ``from_anywhere`` are the paths whose answers pages of other sites may read.
    """

    def __init__(self, app: ASGIApp, from_anywhere: Collection[str] = ()) -> None:
        self._app = app
        self._from_anywhere = from_anywhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its response."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in headers_of(scope["path"], self._from_anywhere).items():
                    headers[name] = value
                is_kept = scope["path"].startswith(KEPT)
                headers.setdefault("Cache-Control", "no-cache" if is_kept else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def headers_of(path: str, from_anywhere: Collection[str]) -> Mapping[str, str]:
    """Return what every response from a path tells the browser."""
    return HEADERS | FROM_ANYWHERE if path in from_anywhere else HEADERS
