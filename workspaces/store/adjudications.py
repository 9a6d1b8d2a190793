"""Adjudications: what a lead, or a person whom they trust, decided about items on which answers disagree.

Each decision is a row of its own; the newest one about a question and an item holds, also where it takes an earlier one
back. The item keeps the votes that people gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

adjudication = sa.Table(
    "adjudication",
    metadata,
    sa.Column(
        "number",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        comment="the newest about a question and an item holds",
    ),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("question", sa.String(64), nullable=False),
    sa.Column("item", sa.Text, nullable=False, index=True, comment="as in item_posterior"),
    sa.Column("value", sa.Text, comment="a vote, whatever the display order; null: taken back"),
    sa.Column("task_id", sa.String(24), nullable=False, comment="whose answers were seen"),
    sa.Column("person_id", sa.String(24), comment="who decided; null: the lead"),
    sa.Column("decided_at", UTCDateTime, nullable=False),
)

Decisions: TypeAlias = "Mapping[tuple[str, str, str], str]"
"""What was decided, as a vote, by (kind, question, item)."""


@dataclass(frozen=True, slots=True)
class Adjudication:
    """A decision about one question on one item; ``value`` None takes the earlier one back."""

    kind: str
    question: str
    item: str
    value: str | None
    task_id: str
    person_id: str | None
    decided_at: datetime


def save_adjudications(connection: sa.Connection, made: Sequence[Adjudication]) -> None:
    """Add decisions after all others."""
    number = connection.execute(sa.select(sa.func.max(adjudication.c.number))).scalar() or 0
    rows = [
        {
            "number": number + place,
            "kind": each.kind,
            "question": each.question,
            "item": each.item,
            "value": each.value,
            "task_id": each.task_id,
            "person_id": each.person_id,
            "decided_at": each.decided_at,
        }
        for place, each in enumerate(made, start=1)
    ]
    if rows:
        connection.execute(sa.insert(adjudication), rows)


def adjudications(connection: sa.Connection) -> list[Adjudication]:
    """Return the decisions in force, oldest first."""
    newest: dict[tuple[str, str, str], Adjudication] = {}
    columns = [column for column in adjudication.c if column.name != "number"]
    for row in connection.execute(sa.select(*columns).order_by(adjudication.c.number)):
        each = Adjudication(*row)
        about = each.kind, each.question, each.item
        newest.pop(about, None)
        if each.value is not None:
            newest[about] = each
    return list(newest.values())


def decisions(connection: sa.Connection) -> dict[tuple[str, str, str], str]:
    """Return what was decided and holds, by (kind, question, item)."""
    return {
        (each.kind, each.question, each.item): each.value
        for each in adjudications(connection)
        if each.value is not None
    }
