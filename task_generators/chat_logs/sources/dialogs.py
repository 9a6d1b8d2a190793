"""Rows of a text file of dialogs, as ParlAI and bAbI write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 20_000
"""Of one dialog."""


def dialog_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield dialogs as ``{"lines": [...]}``, each numbered by its first line.

    A dialog ends at an empty line, before a line that begins with ``1`` and a blank, and after ``episode_done:True``.
    """
    lines: list[str] = []
    first = number = size = 0
    while line_bytes := file.readline(rows.MAX_LINE_BYTES):
        number += 1
        is_cut = len(line_bytes) == rows.MAX_LINE_BYTES and not line_bytes.endswith(b"\n")
        while is_cut and (rest := file.readline(rows.MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        line = line_bytes.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape").rstrip("\r\n")
        if lines and (not line.strip() or line.startswith("1 ")):
            yield _dialog_row(first, lines, size)
            lines = []
        if line.strip():
            first, size = (first, size) if lines else (number, 0)
            size += len(line_bytes)
            if len(lines) <= MAX_LINES and size < rows.MAX_LINE_BYTES:
                lines.append(line)
            elif not lines:
                lines.append("")  # a dialog of one line that is too long
            if "\tepisode_done:True" in line:
                yield _dialog_row(first, lines, size)
                lines = []
    if lines:
        yield _dialog_row(first, lines, size)


def _dialog_row(number: int, lines: list[str], size: int) -> Row:
    if len(lines) > MAX_LINES:
        return Row(number, None, f"a dialog of more than {MAX_LINES} lines")
    if size >= rows.MAX_LINE_BYTES:
        return Row(number, None, rows.too_long())
    return Row(number, {"lines": lines})
