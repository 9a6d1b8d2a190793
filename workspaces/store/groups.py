"""Groups of people: which one each person is in. Without a row a person is in none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from datetime import datetime

person_group = sa.Table(
    "person_group",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("name", sa.String(40), nullable=False, comment="a key of routing.groups"),
    sa.Column("set_at", UTCDateTime, nullable=False),
)


def set_group(connection: sa.Connection, person_id: str, name: str | None, now: datetime) -> None:
    """Put a person into a group, or into none."""
    if name is None:
        connection.execute(sa.delete(person_group).where(person_group.c.person_id == person_id))
        return
    row = {"person_id": person_id, "name": name, "set_at": now}
    upsert(connection, person_group, [row], update=("name", "set_at"))


def all_groups(connection: sa.Connection) -> dict[str, str]:
    """Return the group of everybody who is in one, by person."""
    rows = connection.execute(sa.select(person_group.c.person_id, person_group.c.name))
    return {row.person_id: row.name for row in rows}
