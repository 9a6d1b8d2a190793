"""Events that a page hears while it is open (SSE): that something changed, by name. What changed, the page fetches."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from chatfeedback.web.sessions import Person, still_signed_in
from chatfeedback.web.site import site_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response

LOOK_SECONDS = 1.0
"""How often it is looked whether something changed."""

ASK_AGAIN_LOOKS = 15
"""After so many looks it is asked whether the person may still be here, and a comment keeps the connection open."""

MOST_OF_ONE_PERSON = 6
"""Open pages of one person that hear events."""

_open: Counter[str] = Counter()


def events(request: Request, person: Person, looks: dict[str, Callable[[], object]]) -> Response:
    """Return a stream of events; ``looks`` returns, for each event's name, a value that differs when it is to be sent.

    The functions run in a thread; those that read what is the same for everybody take it from a ``Snapshot``.

    Raises:
        HTTPException: 429, the person has too many pages open.
    """
    if _open[person.person_id] >= MOST_OF_ONE_PERSON:
        raise HTTPException(429, "Too many pages are open.")
    return StreamingResponse(
        _stream(request, person, looks), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _stream(
    request: Request, person: Person, looks: dict[str, Callable[[], object]]
) -> AsyncIterator[str]:
    def look() -> dict[str, object]:
        return {name: each() for name, each in looks.items()}

    _open[person.person_id] += 1
    try:
        before = await run_in_threadpool(look)
        yield ": hello\n\n"
        number = 0
        while not await request.is_disconnected():
            await asyncio.sleep(LOOK_SECONDS)
            number += 1
            if number % ASK_AGAIN_LOOKS == 0:
                if not await run_in_threadpool(still_signed_in, site_of(request), person):
                    return
                yield ": still here\n\n"
            now = await run_in_threadpool(look)
            for name in looks:
                if now[name] != before[name]:
                    yield f"event: {name}\ndata: changed\n\n"
            before = now
    finally:
        _open[person.person_id] -= 1
        if not _open[person.person_id]:
            del _open[person.person_id]
