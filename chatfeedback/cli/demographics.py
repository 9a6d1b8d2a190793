"""``demographics``: figures by demographic group, as far as they disclose no individual."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from workspaces.store.snapshots import GroupFigures, PublishedSnapshot


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(demographics)


def demographics(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Show the published tables by group of people; publish new ones where they show nobody.

    Only tables that chatfeedback.yaml declares, only groups of ten or more, and no change of fewer than ten.
    Example: **chatfeedback demographics**
    """
    with Workspace.open(workspace) as opened:
        declared = opened.config.demographics.tables
        layers = steps.publish_demographics(opened)
    if as_json:
        emit_json({"layers": [asdict(layer) for layer in layers]})
        return
    if not declared:
        say(
            "No table is declared: list some as demographics.tables in chatfeedback.yaml, such as [[age_band]]."
        )
    elif not layers:
        say("Nothing can be shown yet: too few people filled in the form ('chatfeedback people form').")
    for layer in layers:
        _show(layer)


def _show(layer: PublishedSnapshot) -> None:
    title = f"{layer.layer}, {layer.snapshot_at:%Y-%m-%d}"
    rows = layer.published["groups"]
    if rows and "people" in rows[0]:
        noise = (
            f" (with noise, epsilon {layer.published['epsilon']:g})" if "epsilon" in layer.published else ""
        )
        table(
            title + noise,
            ["group", "people"],
            [(_name(row), row["people"]) for row in rows],
            numeric=["people"],
        )
        return
    columns = ["group", "answers", "agree among themselves", "with others", "ratio", "differs"]
    table(title, columns, [_answers(row) for row in rows], numeric=columns[2:5])


def _name(row: GroupFigures) -> str:
    return ", ".join(f"{name}: {value}" for name, value in row["group"].items()) or "everybody"


def _answers(row: GroupFigures) -> tuple[object, ...]:
    shares = ", ".join(f"{value} {share:.0%}" for value, share in row["answers"].items())
    agreement = row.get("agreement") or {}
    differs = {True: "yes", False: "no", None: None}[agreement.get("differs")]
    figures = [agreement.get("in_group"), agreement.get("across"), agreement.get("ratio")]
    return _name(row), shares, *(None if figure is None else f"{figure:.2f}" for figure in figures), differs
