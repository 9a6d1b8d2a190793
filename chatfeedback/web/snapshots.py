"""What is the same for everybody and takes long to read: read once for all who ask within a while."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

FIRST_SECONDS = 5.0
"""How long others wait while it is read for the first time: they are threads that answer requests."""


class Snapshot(Generic[T]):
    """A value that is read at most once in ``seconds``, by one thread at a time.

    While a thread reads it anew the others get the old one; without an old one they wait.
    """

    def __init__(
        self, read: Callable[[], T], seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._value: tuple[float, T] | None = None

    def get(self) -> T:
        """Return the value.

        Raises:
            HTTPException: 503, another thread reads it for the first time, and takes long.
        """
        value = self._value
        if value is not None and (self._is_fresh(value) or not self._reading.acquire(blocking=False)):
            return value[1]
        if value is None and not self._reading.acquire(timeout=FIRST_SECONDS):
            raise HTTPException(503)
        try:
            if self._value is None or not self._is_fresh(self._value):
                self._value = (self._monotonic(), self._read())
            return self._value[1]
        finally:
            self._reading.release()

    def forget(self) -> None:
        """Read the value anew when it is asked for next."""
        self._value = None

    def _is_fresh(self, value: tuple[float, T]) -> bool:
        return self._monotonic() - value[0] < self._seconds
