"""The garbage collector: when Python looks for circles of objects, through every object that there is.

Most of what a command makes are imported modules, which live as long as the process. By default they are looked through
again and again while they are imported: a quarter of the time of a command that only says something.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS = (300_000, 20, 20)
"""New objects before the young ones are looked through, and how many times before the older ones are."""


def look_seldom() -> None:
    """Let this process look for garbage seldom."""
    gc.set_threshold(*THRESHOLDS)


def keep_what_is_there() -> None:
    """Never look again through what is there now, before a server begins to serve: each look would stop all answers."""
    gc.collect()
    gc.freeze()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause it for a step that makes millions of objects and no circle worth the search."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
