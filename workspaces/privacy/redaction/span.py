"""A range of characters that redaction may replace."""

from __future__ import annotations

from typing import NamedTuple

from workspaces.privacy.placeholders import PlaceholderKind

__all__ = ["PlaceholderKind", "Span"]


class Span(NamedTuple):
    """Characters ``start`` to ``end`` of one text.

    ``key`` is the normalised value: equal keys of one kind get the same placeholder. A span that is not ``certain`` is
    replaced only if the same conversation has a certain span with the same kind and key.
    """

    start: int
    end: int
    kind: PlaceholderKind
    key: str
    certain: bool = True
