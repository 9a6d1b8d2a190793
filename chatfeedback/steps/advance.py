"""The callback by which a long step reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Called with the amount of work done since the last call."""


def ignore(_: int) -> None:
    """Report no progress."""


Tell = Callable[[str], None]
"""Called with a line that says how it goes, such as the rate."""


def say_nothing(_: str) -> None:
    """Say nothing."""
