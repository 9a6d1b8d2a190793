"""Agreement by language, model, topic and week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from chatfeedback.report.plots import Interval, intervals, known
from chatfeedback.report.plots.drawing import signed
from chatfeedback.report.section import Figure, Section, Table
from quality.agreement.krippendorff import RELIABLE, TENTATIVE
from quality.parts import ALL_QUESTIONS, COLUMNS, LEAST_PEOPLE, MOST_GROUPS, UNKNOWN, WEEK, agreement_in_parts
from quality.report import ENOUGH_ITEMS

if TYPE_CHECKING:
    from chatfeedback.report.material import Material
    from quality.parts import Part

BY = {"language": ("language",), "model": ("model", "other_model"), "topic": ("topic",), WEEK: (WEEK,)}
KINDS = ("qualitative", "preference")
HEADINGS = {
    "by": "by",
    "group": "group",
    "kind": "kind",
    "question": "question",
    "alpha": "alpha",
    "alpha_low": "from",
    "alpha_high": "to",
    "items": "items",
    "people": "people",
}
EXPLANATION = (
    "Krippendorff's alpha again, of the answers about a part of the items; where several questions stand together, "
    "chance is taken on each. A comparison counts for both models that it compares, a task in the week of its last "
    f"answer. Shown are the {MOST_GROUPS} groups with the most answers (the latest {MOST_GROUPS} weeks), where "
    f"{LEAST_PEOPLE} people or more gave answers that can be compared, on {ENOUGH_ITEMS} items or more."
)
NO_TOPICS = "Topics are not known yet: 'chatfeedback collection topics' finds them."


def section(material: Material) -> Section | None:
    """Return where people agree and where they do not, by everything with two groups to compare."""
    if material.asked.empty:
        return None
    parts = agreement_in_parts(material.asked, material.subjects, BY)
    found = [part.table.assign(by=part.name) for part in parts if len(part.table)]
    tables = []
    if found:
        table = pd.concat(found).sort_values("alpha", kind="stable", ignore_index=True)[["by", *COLUMNS]]
        tables.append(Table("agreement_by", "Those on which people agree least come first.", table, HEADINGS))
    return Section(
        "agreement-by",
        "Agreement by language, model, topic and week",
        text=(EXPLANATION, *(sentence for part in parts for sentence in _sentences(part))),
        figures=tuple(_figure(part) for part in parts if _is_shown(part)),
        tables=tuple(tables),
    )


def _is_shown(part: Part) -> bool:
    return any(len(part.overall(kind)) > 1 for kind in KINDS)


def _figure(part: Part) -> Figure:
    rows = [
        Interval(
            row.group,
            known(row.alpha),
            known(row.alpha_low),
            known(row.alpha_high),
            note="undefined: all alike",
            group=f"{kind}, {row.question}" if row.question == ALL_QUESTIONS else row.question,
            marked=row.alpha < TENTATIVE,
        )
        for kind in KINDS
        for row in _rows(part, kind)
    ]
    lowest = min((bound for row in rows for bound in (row.low, row.value) if bound is not None), default=0.0)
    plot = intervals(
        rows,
        f"Krippendorff's alpha by {part.name}, with its 95 % interval.",
        ticks=[-1, -0.5, 0, 0.5, 1] if lowest < -0.2 else [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1],
        lines={TENTATIVE: "tentative", RELIABLE: "reliable"},
    )
    return Figure(plot, f"Alpha by {part.name}, with its 95 % interval. Triangles: too low for conclusions.")


def _rows(part: Part, kind: str) -> list[Any]:
    """Return the rows of one kind: the largest group first, weeks as they went by."""
    rows: list[Any] = list(part.overall(kind).itertuples(index=False))
    return rows[::-1] if part.name == WEEK else rows


def _sentences(part: Part) -> list[str]:
    if part.groups == (UNKNOWN,):
        return [NO_TOPICS] if part.name == "topic" else [f"By {part.name}: of no item it is known."]
    if len(part.groups) == 1:
        return [f"By {part.name}: all answers that can be compared are about {part.groups[0]}."]
    found = [sentence for kind in KINDS if (sentence := _contrast(part, kind))]
    small = part.n_asked - part.table["group"].nunique()
    if not _is_shown(part):
        return [f"By {part.name}: too few answers so far in all but one of {len(part.groups):,} groups."]
    if small:
        found.append(
            f"By {part.name}: {small:,} of {part.n_asked:,} groups have too few answers and are not shown."
        )
    return found


def _contrast(part: Part, kind: str) -> str | None:
    """Return which group people agree on most and least, if that can be told."""
    rows = [row for row in _rows(part, kind) if known(row.alpha_low) is not None]
    if len(rows) < 2:
        return None
    least, most = (choose(rows, key=lambda row: row.alpha) for choose in (min, max))
    if least.alpha_high >= most.alpha_low:
        return f"By {part.name}, {kind}: no group stands out; the intervals of the highest and the lowest overlap."
    return (
        f"By {part.name}, {kind}: people agree most on {most.group} (alpha {signed(f'{most.alpha:.2f}')}) and least on "
        f"{least.group} ({signed(f'{least.alpha:.2f}')})."
    )
