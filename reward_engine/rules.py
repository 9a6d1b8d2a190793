"""The version of the rates that applies to a piece of work, and the calendar day on which the work was done.

The version in force when the work was done applies, so a new version changes nothing about old work.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError
from workspaces.store.rules import RulesVersion
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from pydantic import BaseModel

    from workspaces.config import RatesConfig
    from workspaces.store.people import PersonSettings

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any work."""


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


def next_version(
    rates: RatesConfig, known: Sequence[RulesVersion], now: datetime, *, paid_before: bool
) -> RulesVersion | None:
    """Return the version to record before ``rates`` are used; None if they are in use already.

    The first version applies to all earlier work, unless points were paid before versions were recorded: that work
    stays as it was paid.

    Args:
        rates: the configuration's rates.
        known: every recorded version, oldest first.
        now: the current time.
        paid_before: whether the ledger has a transaction already.

    Raises:
        ConfigurationError: numbers were changed without ``rates.version``, or ``rates.version`` names a version that
            was replaced before.
    """
    if not known:
        return RulesVersion(rates.version, rates, now, now if paid_before else BEGINNING)
    newest = known[-1]
    if rates.version == newest.version and "beyond_overlap" not in rates.model_fields_set:
        # a version keeps what it said, also from before this could be said
        rates = rates.model_copy(update={"beyond_overlap": newest.rates.beyond_overlap})
    if rates == newest.rates:
        return None
    before = next((version for version in known if version.version == rates.version), None)
    if before is not None:
        if before is not newest and rates == before.rates:
            raise ConfigurationError(
                f"rates.version {rates.version!r} was replaced by {newest.version!r} on "
                f"{newest.first_used_at:%Y-%m-%d} and cannot hold twice: give these rates a new version"
            )
        raise ConfigurationError(
            f"{_changed(before.rates, rates)}, but rates.version {rates.version!r} has been used since "
            f"{before.first_used_at:%Y-%m-%d} with the numbers before: give rates.version a new name, or set them back"
        )
    # a clock that was set back must not put the new version before the old one
    holds_from = max(now, newest.holds_from + timedelta(microseconds=1))
    return RulesVersion(rates.version, rates, now, holds_from)


def _changed(before: BaseModel, after: BaseModel) -> str:
    """Return the differences in words, such as ``rates.qualities is now 7 instead of 6``."""
    differences = _differences("rates", before.model_dump(mode="json"), after.model_dump(mode="json"))
    return " and ".join(f"{key} is now {new} instead of {old}" for key, old, new in differences)


def _differences(key: str, before: object, after: object) -> list[tuple[str, object, object]]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            difference
            for name in {**before, **after}
            for difference in _differences(f"{key}.{name}", before.get(name), after.get(name))
        ]
    return [] if before == after else [(key, before, after)]
