"""Versions of the rates: their content, when each was first used, and when it came into force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.config import RatesConfig
from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("rates", sa.JSON, nullable=False, comment="the whole of the configuration's rates"),
    sa.Column("first_used_at", UTCDateTime, nullable=False),
    sa.Column(
        "holds_from", UTCDateTime, nullable=False, unique=True, comment="work from then on is judged by it"
    ),
)


BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any work."""

BEFORE_VERSIONS: Mapping[str, object] = {"beyond_overlap": "pay", "own": 1.0, "vesting": "at_once"}
"""What held for tasks that were offered before versions were recorded: rates could not say otherwise."""


class UnknownPaidPartError(WorkbenchError):
    """A stored version of the rates has rates for parts that no installed kind declares."""

    def __init__(self, version: str, parts: Sequence[str]) -> None:
        super().__init__(
            f"rules version {version!r} pays for {', '.join(map(repr, parts))}, which no installed task kind declares. "
            "Install the package that declares it again: recorded rules are never changed"
        )


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version of the rates. ``holds_from`` is when it replaced the previous version."""

    version: str
    rates: RatesConfig
    first_used_at: datetime
    holds_from: datetime


def save_rules(connection: sa.Connection, version: RulesVersion) -> None:
    """Add a version, unless a version with the same name or the same ``holds_from`` is stored already."""
    row = {
        "version": version.version,
        "rates": version.rates.model_dump(mode="json"),
        "first_used_at": version.first_used_at,
        "holds_from": version.holds_from,
    }
    insert_missing(connection, rules, [row])


def all_rules(connection: sa.Connection) -> list[RulesVersion]:
    """Return every version that was ever used, oldest first.

    Raises:
        UnknownPaidPartError: a version has a rate for a part that no installed kind declares.
    """
    return [
        RulesVersion(
            version=row.version,
            rates=_stored_rates(row.version, row.rates),
            first_used_at=row.first_used_at,
            holds_from=row.holds_from,
        )
        for row in connection.execute(sa.select(rules).order_by(rules.c.holds_from))
    ]


def _stored_rates(version: str, stored: Mapping[str, object]) -> RatesConfig:
    """Return the rates of a version; settings that an old version lacks have their defaults.

    Everybody who answered was paid before a version could say otherwise.
    """
    if unknown := stored.keys() - set(RatesConfig.known_keys()):
        raise UnknownPaidPartError(version, sorted(unknown))
    return _rates_in(json.dumps({"beyond_overlap": "pay", **stored}))


@lru_cache(maxsize=64)
def _rates_in(text: str) -> RatesConfig:
    """Return the rates in a JSON text: each page of a person needs those of every version."""
    return RatesConfig.model_validate_json(text)


def next_version(
    rates: RatesConfig,
    known: Sequence[RulesVersion],
    now: datetime,
    *,
    paid_before: bool = False,
    offered_before: bool = False,
) -> RulesVersion | None:
    """Return the version to record before ``rates`` are used; None if they are in use already.

    The first version applies to all earlier work, unless points were paid before versions were recorded: that work
    stays as it was paid. Tasks that were offered under its name before keep what they were offered
    (``BEFORE_VERSIONS``).

    Args:
        rates: the configuration's rates.
        known: every recorded version, oldest first.
        now: the current time.
        paid_before: whether the ledger has a transaction already.
        offered_before: whether tasks name this version, though no version is recorded.

    Raises:
        ConfigurationError: numbers were changed without ``rates.version``, or ``rates.version`` names a version that
            was replaced before.
    """
    if not known:
        if offered_before:
            rates = _as_offered(rates, paid=paid_before)
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


def _as_offered(rates: RatesConfig, *, paid: bool) -> RatesConfig:
    """Return the rates of tasks that were offered before versions were recorded.

    What the configuration says of them itself holds as long as nothing was ``paid``.

    Raises:
        ConfigurationError: it says otherwise than what was paid, under the same name.
    """
    offered = rates.model_copy(update=dict(BEFORE_VERSIONS))
    wanted = offered.model_copy(
        update={key: getattr(rates, key) for key in BEFORE_VERSIONS if key in rates.model_fields_set}
    )
    if not paid:
        return wanted
    if wanted != offered:
        raise ConfigurationError(
            f"{_changed(offered, wanted)}, but tasks were offered under rates.version {rates.version!r} before: give "
            "rates.version a new name, or set them back"
        )
    return offered


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
