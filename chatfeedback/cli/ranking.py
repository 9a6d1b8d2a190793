"""``ranking``: models ranked by people's preferences, as they are and at equal style."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.report.section import SectionTable


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(ranking)


def ranking(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Rank the models that people compared, as they are and at equal length and layout of their answers.

    The report has the same tables, and plots. Example: **chatfeedback ranking --json**
    """
    from chatfeedback.report.rankings import rankings  # pandas and scipy take a second to import

    with Workspace.open(workspace) as opened:
        sections = rankings(opened)
    if as_json:
        emit_json(
            {
                "said": {section.anchor: section.text for section in sections},
                "tables": {
                    each.name: json.loads(each.rows.to_json(orient="records"))
                    for section in sections
                    for each in section.tables
                },
            }
        )
        return
    if not sections:
        say(
            "Nobody compared models yet. 'chatfeedback generate' makes such tasks where mix.kinds has preference; "
            "'chatfeedback status' says what waits."
        )
    for section in sections:
        say(section.title)
        for sentence in section.text:
            say(f"  {sentence}")
        for each in section.tables:
            _show(each)


def _show(each: SectionTable) -> None:
    shown = each.shown or {name: name for name in each.rows.columns}
    rows = each.rows[list(shown)].astype("object")
    numeric = [heading for name, heading in shown.items() if each.rows[name].dtype.kind in "fiu"]
    table(each.caption, list(shown.values()), rows.where(rows.notna(), None).to_numpy().tolist(), numeric)
