"""The page with a stopwatch inside: how long requests take from the server's side, and how late its event loop is.

    python -m bench.stopwatch WORKSPACE PORT OUTPUT

It serves a workspace as ``chatfeedback web`` does, and writes what it measured as JSON when it is told to stop. What a
client measures beside this is what the client itself, the sockets and the two cores take.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event

from chatfeedback.web.server import Server
from workspaces import garbage
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from workspaces.store.database import Store

LOOK_SECONDS = 0.01
EVENTS = "/events"


class Stopwatch:
    """Keeps (moment, seconds) by what was measured; moments are those of ``time.perf_counter`` of all processes."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def take(self, what: str, begun: float) -> None:
        """Note what began at a moment and ends now."""
        self.taken[what].append((begun, time.perf_counter() - begun))

    @contextmanager
    def takes(self, what: str) -> Iterator[None]:
        """Note how long a block takes."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.take(what, begun)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose requests are timed until the first part of their answer, but for events.

        While it runs, the lateness of its event loop is noted.
        """
        watches: list[asyncio.Task[None]] = []

        async def timed(scope: Scope, receive: Receive, send: Send) -> None:
            begun = time.perf_counter()
            if scope["type"] == "lifespan":
                watches.append(asyncio.create_task(self._watch_loop()))

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.take(scope["path"], begun)
                await send(message)

            is_timed = scope["type"] == "http" and not scope["path"].endswith(EVENTS)
            await app(scope, receive, sent if is_timed else send)

        return timed

    def watch_store(self, store: Store) -> None:
        """Time the commits of what was written, and the waits of what is read, which are those for a commit."""
        dialect = store.engine.dialect
        commit = dialect.do_commit

        def timed_commit(connection: Any) -> None:
            is_read = connection.driver_connection.total_changes == connection.info.get("changes", 0)
            connection.info["changes"] = connection.driver_connection.total_changes
            with self.takes("end of reading" if is_read else "commit"):
                commit(connection)

        dialect.do_commit = timed_commit  # type: ignore[method-assign, assignment]

        @event.listens_for(store.engine, "before_cursor_execute")
        def before(connection: Any, *_: object) -> None:
            connection.info["asked"] = time.perf_counter()

        @event.listens_for(store.engine, "after_cursor_execute")
        def after(connection: Any, *_: object) -> None:
            self.take("statement", connection.info["asked"])

    async def _watch_loop(self) -> None:
        while True:
            begun = time.perf_counter() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.take("loop", begun)

    def watch_garbage(self) -> None:
        """Time the searches for garbage of the old objects, which stop everything."""
        begun = 0.0

        def told(phase: str, about: dict[str, int]) -> None:
            nonlocal begun
            if phase == "start":
                begun = time.perf_counter()
            else:
                self.take(f"garbage {about['generation']}", begun)

        gc.callbacks.append(told)


def main(workspace: Path, port: int, output: Path) -> None:
    """Serve until it is told to stop."""
    stopwatch = Stopwatch()
    garbage.look_seldom()
    with Workspace.open(workspace) as opened:
        server = Server(opened, port)
        config = server._server.config
        stopwatch.watch_store(opened.store)
        config.app = stopwatch.around(cast("ASGIApp", config.app))
        signal.signal(signal.SIGTERM, lambda *_: None)  # what uvicorn was told it tells again
        stopwatch.watch_garbage()
        garbage.keep_what_is_there()
        server.run()
    output.write_text(json.dumps(stopwatch.taken), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
