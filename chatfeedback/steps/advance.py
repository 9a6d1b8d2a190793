"""The callback by which a long step reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Called with the amount of work done since the last call."""


def ignore(_: int) -> None:
    """Report no progress."""
