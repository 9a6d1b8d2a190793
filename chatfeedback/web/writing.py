"""Steps that write: they wait for the workspace's lock, and pages that only read must not wait behind them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_AT_ONCE = 4
"""Of the threads that answer requests, so many wait for the lock at most."""

_places = threading.BoundedSemaphore(MOST_AT_ONCE)


@contextmanager
def writing() -> Iterator[None]:
    """Hold one of the few places for a step that writes.

    Raises:
        HTTPException: 503, all are taken.
    """
    if not _places.acquire(timeout=1.0):
        raise HTTPException(503)
    try:
        yield
    finally:
        _places.release()
