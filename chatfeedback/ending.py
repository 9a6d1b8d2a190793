"""The end of a command, without taking every imported module apart: that takes some 15 ms and keeps nothing.

Threads have ended by then, and whatever else is to run at the end has run.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

_code: int | None = None


def come_last() -> None:
    """Let what this process does at its end be followed by our end: call it before anything registers with atexit."""
    atexit.register(_end)


def leave(code: int) -> NoReturn:
    """Exit with this code."""
    global _code
    _code = code
    sys.exit(code)


def _end() -> None:
    if _code is None:  # an exception that Python shows
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python's own end says so
        return
    os._exit(_code)
