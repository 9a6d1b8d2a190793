"""Writes the table of exports in ``docs/exports.md`` from the registry: ``uv run python docs/projections.py``."""

from __future__ import annotations

import sys
from pathlib import Path

from exports import all_projections

PAGE = Path(__file__).with_name("exports.md")
BEGIN = "<!-- projections: written by docs/projections.py -->"
END = "<!-- /projections -->"


def table() -> str:
    """Return the projections and their configurations as Markdown."""
    lines = ["| export | what a row is | read by | configurations |", "| --- | --- | --- | --- |"]
    for name, projection in all_projections().items():
        configurations = "; ".join(f"`{spec.name}`: {spec.description}" for spec in projection.tables)
        lines.append(f"| `{name}` | {projection.help} | {projection.trainer} | {configurations} |")
    return "\n".join(lines)


def updated(page: str) -> str:
    """Return a page with the table as it is now between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        sys.exit(0 if updated(page) == page else f"{PAGE} is out of date: uv run python docs/projections.py")
    PAGE.write_text(updated(page), encoding="utf-8", newline="\n")
