"""Long lists of a command: so many rows and a hint at the rest, the same in every command.

A command that lists takes ``--limit`` and ``--all``. Its JSON is whole, unless ``--limit`` was given: then it says of
how many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from chatfeedback.cli.output import say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

ROWS = 30
"""Rows that a list shows unless it is told otherwise."""

Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="How many to show.", show_default=f"{ROWS}; all with --json"),
]
Everything = Annotated[bool, typer.Option("--all", help="Show all of them.")]


def part_of(items: Sequence[T], limit: int | None, *, newest_last: bool = False) -> Sequence[T]:
    """Return the first items, or the last ones where the newest stand last; None: all of them."""
    if limit is None or len(items) <= limit:
        return items
    return items[-limit:] if newest_last else items[:limit]


def as_json(
    name: str, items: Sequence[T], limit: int | None, *, newest_last: bool = False
) -> dict[str, object]:
    """Return a list for JSON: whole, or its part with ``of``, how many there are."""
    part = part_of(items, limit, newest_last=newest_last)
    return {name: part} if len(part) == len(items) else {name: part, "of": len(items)}


def long_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    numeric: Sequence[str] = (),
    *,
    limit: int | None = None,
    everything: bool = False,
    newest_last: bool = False,
    more: str = "--json shows all",
) -> None:
    """Print a table of at most ``limit`` rows, ``ROWS`` unless told otherwise, and how to see the rest."""
    shown = part_of(rows, None if everything else limit or ROWS, newest_last=newest_last)
    table(title, columns, shown, numeric)
    if len(shown) < len(rows):
        which = "last" if newest_last else "first"
        say(f"The {which} {len(shown):,} of {len(rows):,}: {more}.")


ALL_OF_THEM = "--all shows all, --limit N so many"
