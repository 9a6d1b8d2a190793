"""Section: published statistics by group of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.plots import Bar, bars
from chatfeedback.report.section import Figure, Section, SectionTable
from workspaces.store.snapshots import GroupAgreement, published_snapshots

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from workspaces.store.snapshots import GroupFigures

EXPLANATION = (
    "Declared tables alone, groups of ten people or more, counts rounded; what would show a few people is withheld. "
    "'chatfeedback demographics' publishes new snapshots."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return the newest published snapshot of every layer; no figure is computed from people's forms here."""
    noisy = inputs.workspace.config.demographics.epsilon is not None
    with inputs.workspace.store.read() as connection:
        layers = [row for row in published_snapshots(connection) if (row.layer == "noisy") == noisy]
    layers = [row for row in layers if row.published["groups"]]
    if not layers:
        return None
    figures = [
        _people(row.published["groups"], f"{row.snapshot_at:%d %B %Y}")
        for row in layers
        if row.layer in ("people", "noisy")
    ]
    rows = [
        {"layer": row.layer, "published": f"{row.snapshot_at:%Y-%m-%d}"} | _row(group)
        for row in layers
        for group in row.published["groups"]
    ]
    return Section(
        "demographics",
        "Demographics",
        text=(EXPLANATION,),
        figures=tuple(figures),
        tables=(SectionTable("demographics", "Published figures by group.", pd.DataFrame(rows)),),
    )


def _people(groups: list[GroupFigures], published: str) -> Figure:
    caption = f"People by group, as published on {published}."
    return Figure(bars([Bar(_name(group), group["people"]) for group in groups], caption, "people"), caption)


def _row(group: GroupFigures) -> dict[str, object]:
    agreement = group.get("agreement") or GroupAgreement()
    shares = ", ".join(f"{value} {share:.0%}" for value, share in group.get("answers", {}).items())
    return {
        "group": _name(group),
        "people": group.get("people"),
        "answers": shares or None,
        "agree_among_themselves": agreement.get("in_group"),
        "agree_with_others": agreement.get("across"),
        "ratio": agreement.get("ratio"),
        "differs": agreement.get("differs"),
    }


def _name(group: GroupFigures) -> str:
    return ", ".join(f"{name}: {value}" for name, value in group["group"].items()) or "everybody"
