"""The version of the rates that applies to a piece of work, and the calendar day on which the work was done.

The version in force when the work was done applies, so a new version changes nothing about old work.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from workspaces.store.people import PersonSettings
    from workspaces.store.rules import RulesVersion


class RuleBook:
    """Every version of the rates that was ever used, and when each came into force."""

    def __init__(self, versions: Iterable[RulesVersion] = ()) -> None:
        self.versions = tuple(sorted(versions, key=lambda version: version.holds_from))
        self._starts = [version.holds_from for version in self.versions]

    def at(self, moment: datetime) -> RulesVersion | None:
        """Return the version in force at a moment; None before the first version (no bonuses, no cap)."""
        position = bisect_right(self._starts, moment)
        return self.versions[position - 1] if position else None

    def named(self, version: str) -> RulesVersion | None:
        """Return the version with this name; None for a version that was used before versions were recorded."""
        return next((known for known in self.versions if known.version == version), None)


class Calendar:
    """Finds a person's calendar day: in the time zone that they had set at that moment, or in that of the rules."""

    def __init__(self, book: RuleBook, settings: Iterable[PersonSettings] = ()) -> None:
        self._book = book
        self._settings: dict[str, list[PersonSettings]] = {}
        for change in sorted(settings, key=lambda change: change.set_at):
            self._settings.setdefault(change.person_id, []).append(change)

    def zone(self, person_id: str, moment: datetime) -> str:
        """Return the IANA name of the time zone that decides a person's calendar day at a moment."""
        own = self._settings.get(person_id, [])
        position = bisect_right(own, moment, key=lambda change: change.set_at)
        if position and (name := own[position - 1].time_zone):
            return name
        version = self._book.at(moment)
        return version.rates.time_zone if version else "UTC"

    def day(self, person_id: str, moment: datetime) -> date:
        """Return a person's calendar day at a moment."""
        return moment.astimezone(time_zone(self.zone(person_id, moment))).date()

    def day_and_beginning(self, person_id: str, moment: datetime) -> tuple[date, datetime]:
        """Return a person's calendar day at a moment, and a time since when it has been that day without a break."""
        zone = time_zone(self.zone(person_id, moment))
        day = moment.astimezone(zone).date()
        starts = [datetime.combine(day, time(), zone).astimezone(UTC)]
        starts += [change.set_at for change in self._settings.get(person_id, ()) if change.set_at <= moment]
        starts += [version.holds_from for version in self._book.versions if version.holds_from <= moment]
        return day, max(starts)
