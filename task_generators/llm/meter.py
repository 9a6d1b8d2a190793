"""The meter of an endpoint: how many tokens its replies took, and what those are charged that do not tell."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from workspaces.store.spending import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TOKENS = 10**8
"""Of one reply; a larger count is not believed."""

BYTES_PER_TOKEN = 3
"""A lower bound of the mean for any language: English has four bytes in a token, Chinese three."""

REQUEST_BYTES = 1_500
"""What a request has around its texts: names, a schema, and the rest of its JSON."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most tokens that a request, and a second one that mends its reply, are expected to take."""

    input: int
    output: int


_TOLD: ContextVar[list[bool] | None] = ContextVar("told", default=None)


@contextmanager
def listening() -> Iterator[list[bool]]:
    """Yield a list that receives, for each reply to what is asked in the block, whether it told its tokens.

    What is asked may run in an event loop of another thread: it runs in the context in which it was handed over.
    """
    told: list[bool] = []
    token = _TOLD.set(told)
    try:
        yield told
    finally:
        _TOLD.reset(token)


class Meter:
    """Counts the tokens that an endpoint reports for its replies, usable or not. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._so_far = Tokens()
        self.charged = 0
        """What replies cost at most that did not tell their tokens, in millionths of the currency."""

    def count(self, prompt_tokens: object, completion_tokens: object) -> None:
        """Count one reply; unless both counts are whole numbers, the reply counts as unmetered."""
        reported = [
            number
            for number in (prompt_tokens, completion_tokens)
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_TOKENS
        ]
        sent, received = reported if len(reported) == 2 else (0, 0)
        if (told := _TOLD.get()) is not None:
            told.append(len(reported) == 2)
        with self._lock:
            so_far = self._so_far
            self._so_far = Tokens(
                requests=so_far.requests + 1,
                unmetered=so_far.unmetered + (len(reported) < 2),
                input=so_far.input + sent,
                output=so_far.output + received,
            )

    @property
    def total(self) -> Tokens:
        """The tokens counted so far."""
        return self._so_far
