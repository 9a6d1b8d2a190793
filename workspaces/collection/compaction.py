"""Which collection files are small enough to be merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPACT_ROWS = 20_000
"""Conversations in a file that compaction makes; about 70 MB of text."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """Files before and after, and how many were dropped: those merged, and those nobody referred to."""

    before: int
    after: int
    dropped: int


def small_groups(sizes: Mapping[str, int], rows: int) -> Iterator[list[str]]:
    """Yield groups of two and more files that together hold at most ``rows`` conversations.

    Args:
        sizes: conversations in each file.
        rows: at most so many; a file with more than half of them is left as it is.
    """
    group: list[str] = []
    size = 0
    for part in sorted(part for part, count in sizes.items() if count <= rows // 2):
        if group and size + sizes[part] > rows:
            if len(group) > 1:
                yield group
            group, size = [], 0
        group.append(part)
        size += sizes[part]
    if len(group) > 1:
        yield group
