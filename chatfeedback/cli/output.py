"""Output of commands: text or one JSON object on standard output, notes and progress on standard error.

Everything that a command prints goes through here, and nothing in it can steer a terminal (``safe_text``).
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from chatfeedback.safe_text import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PLAIN_EVERY_SECONDS = 10.0

WorkspacePath = Annotated[
    Path, typer.Option("--workspace", "-w", help="The workspace folder.", show_default="the current folder")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

HERE = Path()

_out = Console(highlight=False, emoji=False)
_err = Console(stderr=True, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print a line of text on standard output."""
    _out.print(safe(text), markup=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a line of text on standard error."""
    _err.print(safe(text), markup=False, soft_wrap=True)


def hint(command: str) -> None:
    """Print the command that comes next, on standard error."""
    note(f"Next: {command}")


_answered: list[str] | None = None
"""The command line for which a JSON object was printed last."""


def json_was_printed() -> bool:
    """Return whether a JSON object was printed for this command line."""
    return _answered is sys.argv


def emit_json(value: object) -> None:
    """Print a value as one JSON object on standard output, now: a reader may wait for it."""
    global _answered
    _answered = sys.argv
    sys.stdout.write(safe_json(json.dumps(value, default=_plain, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[str] = ()
) -> None:
    """Print a table; columns named in ``numeric`` are aligned to the right. No word is broken (``tables``)."""
    from chatfeedback.cli.tables import Column, rendered

    shown = [Column(safe(column), numeric=column in numeric) for column in columns]
    cells = [[_cell(value) for value in row] for row in rows]
    # not as the title of the table, which would be broken at the width of the table
    _out.print(safe(title), style="bold", markup=False, soft_wrap=True)
    if cells:
        for part in rendered(shown, cells, _out.width):
            _out.print(part, soft_wrap=True)
    else:
        _out.print("(none)", markup=False)


class Progress:
    """Progress of a command: called with the amount of work done since the last call."""

    def __init__(self, advance: Callable[[int], None], tell: Callable[[str], None]) -> None:
        self._advance = advance
        self.tell = tell
        """Shows a line beside it, such as the rate."""

    def __call__(self, count: int) -> None:
        """Move on by so much."""
        self._advance(count)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Progress]:
    """Show progress on standard error: a bar on a terminal, otherwise a line every ten seconds or more."""
    what = safe(what)
    if _err.is_terminal:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Bars

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Bars(*columns, TimeElapsedColumn(), console=_err, transient=True) as bar:
            task = bar.add_task(escape(what), total=total)
            yield Progress(
                lambda count: bar.advance(task, count),
                lambda text: bar.update(task, description=escape(f"{what} ({safe(text)})")),
            )
        return
    done, last, told = 0, time.monotonic(), ""

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        if time.monotonic() - last >= PLAIN_EVERY_SECONDS:
            last = time.monotonic()
            note(f"{what}: {done}" + (f" of {total}" if total else "") + (f" ({told})" if told else ""))

    def tell(text: str) -> None:
        nonlocal told
        told = text

    yield Progress(advance, tell)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path | StrEnum):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return safe(text)
