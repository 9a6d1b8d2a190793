"""Cuts what is iterated into chunks of a bounded size."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

IDS = 500
"""Ids in one IN clause; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


def in_chunks(items: Iterable[Item], size: int = IDS) -> Iterator[list[Item]]:
    """Yield ``items`` in lists of ``size``, in order; the last one may be shorter, and no list is empty.

    Items are taken from an iterator as a list is asked for, ``size`` at a time (``itertools.batched`` of Python 3.12).
    """
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
