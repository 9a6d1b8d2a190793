"""A Content-Security-Policy for Argilla's pages: they load from this server, and their scripts are Argilla's own.

Argilla sends none. A text in a record that gets past every sanitiser then still loads no picture from elsewhere, runs
no script and is framed by nobody.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "Content-Security-Policy"

VARIABLE = "ARGILLA_CONTENT_SECURITY_POLICY"
"""Holds the policy to send in place of ours; `off`: none."""

OFF = "off"

DOCUMENTATION = re.compile(r"/api(/v\d+)?/(docs|redoc)/?")
"""Pages of FastAPI about the API, which load their scripts from a CDN and show no record."""

_ANYWHERE = ("object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'")
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def install_content_security(app: FastAPI) -> None:
    """Put the middleware around Argilla's whole application; once is enough."""
    policy = os.environ.get(VARIABLE) or policy_for(_inline_scripts(app))
    installed: list[object] = [middleware.cls for middleware in app.user_middleware]
    if policy != OFF and ContentSecurity not in installed:
        app.add_middleware(ContentSecurity, policy=policy)


def policy_for(inline_scripts: Iterable[bytes]) -> str:
    """Return the policy for pages with these inline scripts, which it knows by their hashes."""
    scripts = sorted({f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in inline_scripts})
    directives = (
        "default-src 'self'",
        " ".join(("script-src 'self'", *scripts)),
        # Argilla sets styles of elements, and its own sheets import two of Google's fonts
        "style-src 'self' 'unsafe-inline' https://fonts.googleapis.com",
        "font-src 'self' data: https://fonts.gstatic.com",
        "img-src 'self' data:",
        "connect-src 'self'",
        *_ANYWHERE,
    )
    return "; ".join(directives)


class ContentSecurity:
    """ASGI middleware: every answer carries the policy."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        policy = "; ".join(_ANYWHERE) if DOCUMENTATION.fullmatch(path) else self._policy

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers[HEADER] = policy
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _inline_scripts(app: FastAPI) -> list[bytes]:
    """Return the scripts that stand in Argilla's pages, as this server sends them; under a base URL it is mounted."""
    scripts: list[bytes] = []
    for route in app.routes:
        mounted = route.app if isinstance(route, Mount) else None
        if isinstance(mounted, FastAPI):
            scripts += _inline_scripts(mounted)
        elif isinstance(mounted, StaticFiles) and mounted.directory is not None:
            for page in Path(mounted.directory).rglob("*.html"):
                scripts += _INLINE_SCRIPT.findall(page.read_bytes())
    return scripts
