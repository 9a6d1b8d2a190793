"""The report's HTML page: it loads no resources and runs no scripts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import SHOWN_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chatfeedback.report.section import Figure, Section, SectionTable

_STYLE = (files("chatfeedback.report") / "templates" / "page.css").read_text(encoding="utf-8")
_WIDE = 'width="720"'
MISSING = "–"


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    is_number: bool


def render(sections: Sequence[Section], totals: Mapping[str, int], until: str) -> str:
    """Return the page.

    Args:
        sections: in order. Their texts and cells are escaped.
        totals: numbers for the head of the page, by name.
        until: a sentence that says which answers the page covers.
    """
    environment = Environment(
        loader=PackageLoader("chatfeedback.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [
        {
            "anchor": section.anchor,
            "title": section.title,
            "text": section.text,
            "steps": section.steps,
            "figures": [_figure(figure) for figure in section.figures],
            "tables": [_table(table) for table in section.tables if table.on_page],
        }
        for section in sections
    ]
    template = environment.get_template("page.html.jinja")
    return template.render(
        sections=shown,
        totals=totals,
        until=until,
        style=_STYLE,
        zip=zip,
    )


def _figure(figure: Figure) -> dict[str, object]:
    return {"svg": figure.svg, "caption": figure.caption, "is_wide": _WIDE in figure.svg}


def _table(table: SectionTable) -> dict[str, object]:
    shown = table.shown or {str(column): str(column) for column in table.rows.columns}
    head = table.rows[list(shown)].head(SHOWN_ROWS)
    columns = [
        _Column(heading, pd.api.types.is_numeric_dtype(head[column])) for column, heading in shown.items()
    ]
    rows = [[_cell(value) for value in row] for row in head.astype(object).itertuples(index=False, name=None)]
    return {
        "name": table.name,
        "caption": table.caption,
        "columns": columns,
        "rows": rows,
        "left_out": len(table.rows) - len(rows),
    }


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value is pd.NA or value != value:
        return MISSING
    if isinstance(value, float):
        return signed(f"{value:.2f}")
    return f"{value:,}" if isinstance(value, int) else str(value)
