"""Steps that wait for others, for the workspace's lock or for a platform: pages that only read must not wait behind."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_AT_ONCE = 4
"""Of the threads that answer requests, so many wait for the lock at most."""

_to_write = threading.BoundedSemaphore(MOST_AT_ONCE)
_to_ask = threading.BoundedSemaphore(MOST_AT_ONCE * 2)


@contextmanager
def writing() -> Iterator[None]:
    """Hold one of the few places for a step that writes.

    Raises:
        HTTPException: 503, all are taken.
    """
    with _place(_to_write):
        yield


@contextmanager
def asking() -> Iterator[None]:
    """Hold one of the few places for a request to a platform.

    Raises:
        HTTPException: 503, all are taken.
    """
    with _place(_to_ask):
        yield


@contextmanager
def _place(places: threading.BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=1.0):
        raise HTTPException(503)
    try:
        yield
    finally:
        places.release()
