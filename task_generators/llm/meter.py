"""The meter of an endpoint: how many tokens its replies cost."""

from __future__ import annotations

from threading import Lock

from workspaces.store.spending import Tokens

MAX_TOKENS = 10**8
"""Of one reply; a larger count is not believed."""


class Meter:
    """Counts the tokens that an endpoint reports for its replies, usable or not. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._so_far = Tokens()

    def count(self, prompt_tokens: object, completion_tokens: object) -> None:
        """Count one reply; unless both counts are whole numbers, the reply counts as unmetered."""
        reported = [
            number
            for number in (prompt_tokens, completion_tokens)
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_TOKENS
        ]
        sent, received = reported if len(reported) == 2 else (0, 0)
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
