"""A stretch of text that may have to go."""

from __future__ import annotations

from typing import NamedTuple

from workspaces.privacy.placeholders import PlaceholderKind

__all__ = ["PlaceholderKind", "Span"]


class Span(NamedTuple):
    """Characters ``start`` to ``end`` of one text.

    ``key`` is the value in its normal form: equal keys of one kind get one placeholder. A span that is
    not ``certain`` counts only if the same conversation holds the same key with certainty somewhere.
    """

    start: int
    end: int
    kind: PlaceholderKind
    key: str
    certain: bool = True
