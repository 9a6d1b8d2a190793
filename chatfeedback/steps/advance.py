"""How a long step says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[int], None]
"""Told how much was done since the last call."""


def ignore(_: int) -> None:
    """Tell nobody."""
