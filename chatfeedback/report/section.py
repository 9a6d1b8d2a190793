"""A section of the report and its contents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

SHOWN_ROWS = 20
"""The most rows of a table on the page; its files hold all of them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot: SVG text from ``chatfeedback.report.plots``, which escapes what it draws, and a caption."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table, on the page and in its own files.

    Args:
        name: name of the files, such as ``agreement``; lower case and underscores.
        caption: one sentence above the table.
        rows: text, numbers and booleans; the most important rows first. Missing values are shown as a dash.
        shown: the columns on the page with their headings, in order; all columns by default.
        on_page: whether the table is on the page too; false where a plot shows the same.
    """

    name: str
    caption: str
    rows: pd.DataFrame
    shown: Mapping[str, str] = field(default_factory=dict)
    on_page: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: an anchor (``agreement``), a heading, sentences, steps in order, figures and tables."""

    anchor: str
    title: str
    text: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[SectionTable, ...] = ()
