"""People's settings: a display name, a time zone, and whether leaderboards show them.

Every change is a row of its own, because the time zone that was set when work was done decides its calendar day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.moments import after, newest
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.who_answered import after_work

if TYPE_CHECKING:
    from datetime import datetime

person_settings = sa.Table(
    "person_settings",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("set_at", UTCDateTime, primary_key=True, comment="these hold until the person's next row"),
    sa.Column("display_name", sa.String(40), comment="null: shown by pseudonym"),
    sa.Column("time_zone", sa.String(64), comment="IANA name; null: the one of the rules"),
    sa.Column("hidden", sa.Boolean, nullable=False, comment="left out of the leaderboard"),
)


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """A person's settings from ``set_at`` on. Without a time zone, the time zone of the rules applies."""

    person_id: str
    set_at: datetime
    display_name: str | None = None
    time_zone: str | None = None
    hidden: bool = False


def save_settings(connection: sa.Connection, settings: PersonSettings) -> None:
    """Add a person's new settings; they are put after the ones in force, and after the work of theirs that was read."""
    before = newest(connection, person_settings.c.set_at, person_settings.c.person_id == settings.person_id)
    row = asdict(settings) | {
        "set_at": after_work(connection, after(settings.set_at, before), settings.person_id)
    }
    connection.execute(sa.insert(person_settings), row)


def settings_history(connection: sa.Connection) -> list[PersonSettings]:
    """Return all settings that were ever in force, oldest first."""
    query = sa.select(person_settings).order_by(person_settings.c.set_at, person_settings.c.person_id)
    return [PersonSettings(**row._mapping) for row in connection.execute(query)]


def latest_settings(connection: sa.Connection) -> dict[str, PersonSettings]:
    """Return the settings in force now, by person; people without settings are missing."""
    return {settings.person_id: settings for settings in settings_history(connection)}
