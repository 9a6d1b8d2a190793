"""Runs the application on uvicorn until it is told to stop."""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from chatfeedback.web.app import application
from chatfeedback.web.hosts import origin_of
from chatfeedback.web.running import HOST, PORT, forget_page, note_page
from workspaces.errors import ConfigurationError, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.workspace import Workspace

END_SECONDS = 2
BACKLOG = 2048
SWITCH_SECONDS = 0.001
"""How long a thread that makes a page keeps the event loop waiting at a time. The loop lets go of the interpreter at
each socket that it reads or writes; Python's 5 ms, waited for each of many parts of answers, were the slowest pages."""

MOST_AT_ONCE = 1000
"""Connections, with those that wait for events."""


class Server:
    """The page of an open workspace, listening; ``address`` is where people reach it.

    Args:
        workspace: stays open while it runs.
        port: where it listens; 0: any free one.
        host: the address of this machine on which it listens.
        address: where people reach it, if not there: behind a proxy, whose ``X-Forwarded-For`` is then believed if it
            runs on this machine.

    Raises:
        ConfigurationError: the port is in use, or the host is none of this machine's.
    """

    def __init__(
        self, workspace: Workspace, port: int = PORT, host: str = HOST, address: str | None = None
    ) -> None:
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.address = (address or origin_of(host, self.port)).rstrip("/")
        self._workspace = workspace.path
        # no log of requests: their addresses hold links to sign in
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(workspace, address=self.address),
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                proxy_headers=address is not None,
                forwarded_allow_ips=HOST,
                limit_concurrency=MOST_AT_ONCE,
                timeout_graceful_shutdown=END_SECONDS,
            )
        )

    def run(self) -> None:
        """Serve until the process is told to stop, or ``stop`` is called."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # its lines quote what strangers sent
        sys.setswitchinterval(SWITCH_SECONDS)
        with self._noted():
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Tell it to stop; ``run`` returns soon."""
        self._server.should_exit = True

    @contextmanager
    def _noted(self) -> Iterator[None]:
        self._socket.listen(BACKLOG)  # before the address is told
        note_page(self._workspace, self.address)
        try:
            yield
        finally:
            forget_page(self._workspace)
            self._socket.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, without which asyncio leaves small parts of an answer waiting for the client's receipt (40 ms)
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"{host} port {port} cannot be used ({reason_of(error)}): free it, or choose another with --port"
        ) from None
    return listening
