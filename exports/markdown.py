"""Tables of Markdown whose cells hold text from untrusted sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; what stands in its cells is escaped."""
    lines = [header, ["---"] * len(header), *([cell(text) for text in row] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def cell(text: str) -> str:
    """Return text from untrusted sources, escaped for a Markdown table cell."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\|*_[]`" else char for char in text)
