"""What people set for themselves: a display name, a time zone, and whether boards show them.

Every change is a row of its own, for the calendar day of work is told by the time zone that was set when it was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.tables import person_settings

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """A person's settings from ``set_at`` on. Without a time zone, the one of the rules tells their days."""

    person_id: str
    set_at: datetime
    display_name: str | None = None
    time_zone: str | None = None
    hidden: bool = False


def save_settings(connection: sa.Connection, settings: PersonSettings) -> None:
    """Add a person's new settings."""
    row = {
        "person_id": settings.person_id,
        "set_at": settings.set_at,
        "display_name": settings.display_name,
        "time_zone": settings.time_zone,
        "hidden": settings.hidden,
    }
    connection.execute(sa.insert(person_settings), row)


def settings_history(connection: sa.Connection) -> list[PersonSettings]:
    """Return all settings that ever held, oldest first."""
    query = sa.select(person_settings).order_by(person_settings.c.set_at, person_settings.c.person_id)
    return [
        PersonSettings(
            person_id=row.person_id,
            set_at=row.set_at,
            display_name=row.display_name,
            time_zone=row.time_zone,
            hidden=row.hidden,
        )
        for row in connection.execute(query)
    ]


def latest_settings(connection: sa.Connection) -> dict[str, PersonSettings]:
    """Return the settings that hold now, by person; who never set anything is not in it."""
    return {settings.person_id: settings for settings in settings_history(connection)}
