"""What an answer is sent through: a client that leaves, or reads nothing for long, is not waited for.

An answer that was begun is read to its end and paid, whoever still listens. One watch for a whole answer costs nothing
for each of its tokens, as a timeout would.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import Message, Send

SEND_SECONDS = 30.0
"""How long a client may leave a part of its answer lying."""


class Outlet:
    """Sends messages of ASGI until the client is gone; use it as a context manager. Several tasks may send."""

    def __init__(self, send: Send, seconds: float = SEND_SECONDS) -> None:
        self._send = send
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since: dict[asyncio.Task[object], float] = {}
        self._given_up: set[asyncio.Task[object]] = set()
        self.gone = False

    def __enter__(self) -> Outlet:
        self._watch = self._loop.call_later(self._seconds / 2, self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()

    async def out(self, message: Message) -> None:
        """Send a message, if the client is still there."""
        task = asyncio.current_task()
        if self.gone or task is None:
            return
        self._since[task] = self._loop.time()
        try:
            await self._send(message)
        except OSError:
            self.gone = True
        except asyncio.CancelledError:
            if task not in self._given_up or task.uncancel():
                raise
        finally:
            del self._since[task]

    def _look(self) -> None:
        """Give the client up if a message has waited for too long: each task that sends is cancelled inside ``out``."""
        if self._since and self._loop.time() - min(self._since.values()) > self._seconds:
            self.gone = True
            self._given_up.update(self._since)
            for task in self._given_up:
                task.cancel()
            return
        self._watch = self._loop.call_later(self._seconds / 2, self._look)
