"""Receives events of platforms over HTTP, on the loopback address, and keeps what they hint at.

``POST /WORKSPACE/PLATFORM``, answered 202 once the hint stands in the inbox. What is no genuine event about an answer
in one of our containers is answered with a 4xx, and nothing is kept of it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from sqlalchemy.exc import DatabaseError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workspaces.errors import ConfigurationError
from workspaces.platforms.base import EventRefusedError
from workspaces.store.inbox import keep_hints
from workspaces.store.tasks import containers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from pydantic import SecretStr

    from workspaces.records import Hint
    from workspaces.store import Store

    Ear = Callable[[Mapping[str, str], bytes, SecretStr], list[Hint]]
    """Reads an event: its headers, its body and what it has to prove itself with. Raises ``EventRefusedError``."""

LARGEST_BODY = 1_000_000
"""Bytes of an event. It carries the whole task: of a chat that is longer the poller brings the answers."""

HOST = "127.0.0.1"
READ_SECONDS = 10.0
END_SECONDS = 5


class Receiver:
    """A small web service in a thread of its own; use it as a context manager.

    Args:
        store: of the workspace.
        workspace_id: the first part of the path.
        ears: how the events of each platform are read, by its name.
        clock: for the time of receipt.
        wake: called when something was kept.
        port: where it listens; 0: any free one.

    Raises:
        ConfigurationError: the port is in use.
    """

    def __init__(
        self,
        store: Store,
        workspace_id: str,
        ears: Mapping[str, Ear],
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        port: int = 0,
    ) -> None:
        self._store = store
        self._ears = ears
        self._clock = clock
        self._wake = wake
        self._workspace_id = workspace_id
        self.secrets: dict[str, SecretStr] = {}
        """What events have to prove themselves with, by platform; without one none is believed."""
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        # no log of requests: their addresses name the workspace, and whoever can reach us could fill it
        configuration = uvicorn.Config(
            self._application(),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=END_SECONDS,
            limit_concurrency=200,
            timeout_keep_alive=5,
        )
        self._server = uvicorn.Server(configuration)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="receiver", daemon=True
        )

    def path(self, platform: str) -> str:
        """Return the path at which events of a platform are received."""
        return f"/{self._workspace_id}/{platform}"

    def __enter__(self) -> Receiver:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # not what strangers send
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(END_SECONDS + 1)
        self._socket.close()

    def _application(self) -> Starlette:
        routes = [
            Route(self.path(name), self._endpoint(name, ear), methods=["POST"])
            for name, ear in self._ears.items()
        ]
        return Starlette(routes=routes)

    def _endpoint(self, platform: str, ear: Ear) -> Callable[[Request], Awaitable[Response]]:
        async def receive(request: Request) -> Response:
            try:
                body = await asyncio.wait_for(_body(request), READ_SECONDS)
                headers = {name.lower(): value for name, value in request.headers.items()}
                await run_in_threadpool(self._take, platform, ear, headers, body)
            except EventRefusedError as refused:
                return PlainTextResponse(str(refused), refused.status)
            except TimeoutError:
                return PlainTextResponse("the event did not arrive in time", 408)
            except ClientDisconnect:
                return Response(status_code=400)
            except DatabaseError:  # locked or full: the sender may try again, and the poller reads on
                return PlainTextResponse("the hint could not be kept", 503)
            self._wake()
            return PlainTextResponse("", 202)

        return receive

    def _take(self, platform: str, ear: Ear, headers: Mapping[str, str], body: bytes) -> None:
        secret = self.secrets.get(platform)
        if secret is None:
            raise EventRefusedError("no events are expected", 401)
        hints = ear(headers, body, secret)
        with self._store.read() as connection:
            ours = set(containers(connection, platform))
        if not hints or not all(hint.container_id in ours for hint in hints):
            raise EventRefusedError("about nothing of this workspace", 404)
        with self._store.write() as connection:
            keep_hints(connection, platform, hints, self._clock())


async def _body(request: Request) -> bytes:
    """Return the body of a request, and stop reading as soon as it is too long.

    Raises:
        EventRefusedError: it is too long, or no JSON by its type.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise EventRefusedError("the content type has to be application/json", 415)
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdecimal() and int(told[:20]) > LARGEST_BODY:
        raise _too_long()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_long()
    return bytes(body)


def _too_long() -> EventRefusedError:
    return EventRefusedError(f"an event has at most {LARGEST_BODY:,} bytes", 413)


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError:
        listening.close()
        raise ConfigurationError(f"port {port} is in use: free it, or choose another with --port") from None
    return listening
