"""Events that a page hears while it is open (SSE): that something changed, by name. What changed, the page fetches.

One watch looks for all open pages at once, in one thread, several times a second: a page that is open costs two
comparisons each time, and no thread, timer or query of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse

from chatfeedback.web.sessions import Person, still_signed_in
from chatfeedback.web.site import Site, site_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    Looks = Mapping[str, Callable[[], object]]

_LOG = logging.getLogger("chatfeedback.web")

LOOK_SECONDS = 0.25
"""How often it is looked whether something changed."""

ASK_AGAIN_LOOKS = 60
"""After so many looks it is asked whether the person may still be here, and a comment keeps the connection open."""

MOST_OF_ONE_BROWSER = 4
"""Open pages of one session that hear events: a browser has six connections to a host (HTTP/1.1), and a seventh page
would wait for one of them for ever.
"""

MOST_OF_ONE_PERSON = 12
"""Those of one person, on all their devices."""

TOO_MANY = (
    "As many pages of yours are open as can show news by themselves. This one works, and shows news when it is loaded "
    "again."
)
AGAIN_SECONDS = 60

_open: Counter[str] = Counter()
"""How many pages are open, by session and by person."""


def events(
    request: Request, person: Person, looks: Looks, shown: Mapping[str, object] | None = None
) -> Response:
    """Return a stream of events; ``looks`` returns, for each event's name, a value that differs when it is to be sent.

    ``shown`` are values that the page shows: what changed before it began to hear is told as well.

    The functions run in a thread, those of all open pages one after the other: they take what is read for everybody
    from a ``Snapshot``. The stream ends when one of them fails; the browser opens another. Whoever has too many pages
    open is refused (429), whatever comes at once.
    """
    return _Events(_Listener(site_of(request), person, looks, shown))


class _Events(StreamingResponse):
    """The stream of one page."""

    def __init__(self, listener: _Listener) -> None:
        super().__init__(
            _stream(listener), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )
        person = listener.person
        self._bounds = ((person.session, MOST_OF_ONE_BROWSER), (person.person_id, MOST_OF_ONE_PERSON))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, or refuse: between the look at what is open and the count nobody else comes."""
        if any(_open[key] >= most for key, most in self._bounds):
            refused = PlainTextResponse(TOO_MANY, 429, {"Retry-After": str(AGAIN_SECONDS)})
            await refused(scope, receive, send)
            return
        _open.update(key for key, _ in self._bounds)
        try:
            await super().__call__(scope, receive, send)
        finally:
            for key, _ in self._bounds:
                _open[key] -= 1
                if not _open[key]:
                    del _open[key]


async def _stream(listener: _Listener) -> AsyncIterator[str]:
    """Yield the events of one page until it is closed: whoever leaves ends this generator."""
    watch = _watch()
    try:
        await watch.join(listener)
        yield ": hello\n\n"
        while text := await listener.heard():
            yield text
    finally:
        watch.leave(listener)


class _Listener:
    """One open page: what it looks at, and what it was not told yet. An event that comes twice is told once."""

    def __init__(
        self, site: Site, person: Person, looks: Looks, shown: Mapping[str, object] | None = None
    ) -> None:
        self.person = person
        self._shown = shown or {}
        self._site = site
        self._looks = looks
        self._before: dict[str, object] = {}
        self._number = 0
        self._untold: dict[str, None] = {}
        self._is_over = False
        self._told = asyncio.Event()

    def begin(self, looks_before: int) -> None:
        """Note how everything is now, as after so many looks. Runs in a thread, as ``look``."""
        self._number = looks_before
        self._before = {name: each() for name, each in self._looks.items()} | dict(self._shown)

    def look(self) -> list[str] | None:
        """Return what to tell the page; None: no more, its person may not be here any longer, or a look failed."""
        self._number += 1
        try:
            asks = self._number % ASK_AGAIN_LOOKS == 0
            if asks and not still_signed_in(self._site, self.person):
                return None
            now = {name: each() for name, each in self._looks.items()}
        except Exception as error:
            _LOG.warning("an open page hears no more events: %s", type(error).__name__)
            return None
        changed = [f"event: {name}\ndata: changed\n\n" for name in now if now[name] != self._before[name]]
        self._before = now
        return [": still here\n\n", *changed] if asks else changed

    def tell(self, texts: list[str] | None) -> None:
        """Let ``heard`` return what a look found."""
        if texts is None:
            self._is_over = True
        else:
            self._untold |= dict.fromkeys(texts)
        self._told.set()

    async def heard(self) -> str:
        """Return what there is to tell, once there is something; nothing at the end."""
        while not self._untold:
            if self._is_over:
                return ""
            self._told.clear()
            await self._told.wait()
        text = "".join(self._untold)
        self._untold.clear()
        return text


class _Watch:
    """Looks for all open pages of one event loop, as long as there are any."""

    def __init__(self) -> None:
        self._listeners: dict[_Listener, None] = {}
        self._task: asyncio.Task[None] | None = None

    async def join(self, listener: _Listener) -> None:
        """Look for one more page from now on; its person is asked for in another look than those of the page before."""
        await run_in_threadpool(listener.begin, len(self._listeners) % ASK_AGAIN_LOOKS)
        self._listeners[listener] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())

    def leave(self, listener: _Listener) -> None:
        """Look for a page no more."""
        self._listeners.pop(listener, None)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            listeners = tuple(self._listeners)
            found = await run_in_threadpool(lambda each: [one.look() for one in each], listeners)
            for listener, texts in zip(listeners, found, strict=True):
                if texts is None or texts:
                    listener.tell(texts)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _watch() -> _Watch:
    return _watches.setdefault(asyncio.get_running_loop(), _Watch())
