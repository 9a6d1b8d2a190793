"""Confusion matrices as shaded tables of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.plots.drawing import Drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

CELL, LEFT, TOP, BOTTOM = 56, 62, 46, 8
DEEPEST = 0.6
"""The opacity of a cell with the whole row; the count on it remains legible."""


def matrix(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    title: str,
    description: str,
    *,
    rows: str,
    columns: str,
) -> str:
    """Return a matrix: a cell's opacity is proportional to its share of the row; the diagonal (agreement) is framed.

    Args:
        names: names of the rows, and of the columns.
        counts: counts, row by row.
        title: title above the matrix.
        description: alternative text of the matrix.
        rows: label of the rows.
        columns: label of the columns.
    """
    size = CELL * len(names)
    drawing = Drawing(LEFT + size + 4, TOP + size + BOTTOM, description)
    drawing.text(0, 13, title, "group")
    drawing.text(LEFT + size, 13, f"{columns} →", "tick", "end")
    drawing.text(0, TOP - 8, f"{rows} ↓", "tick")
    for place, name in enumerate(names):
        drawing.text(LEFT + (place + 0.5) * CELL, TOP - 8, name, "label", "middle")
        drawing.text(LEFT - 10, TOP + (place + 0.5) * CELL + 4, name, "label", "end")
    for row, line in enumerate(counts):
        total = sum(line)
        for column, count in enumerate(line):
            x, y = LEFT + column * CELL, TOP + row * CELL
            share = count / total if total else 0.0
            tip = f"{rows} {names[row]}, {columns} {names[column]}: {count:,} ({share:.0%} of the row)"
            drawing.box(x + 1, y + 1, CELL - 2, CELL - 2, "cell", tip, DEEPEST * share)
            if row == column:
                drawing.box(x + 1.5, y + 1.5, CELL - 3, CELL - 3, "frame")
            drawing.text(x + CELL / 2, y + CELL / 2 + 5, f"{count:,}", "count", "middle")
    return drawing.svg()
