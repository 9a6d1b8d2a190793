"""Versions of the rates: their content, when each was first used, and from when it applies to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.config import RatesConfig
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version of the rates. ``holds_from`` is when it replaced the one before it."""

    version: str
    rates: RatesConfig
    first_used_at: datetime
    holds_from: datetime


def save_rules(connection: sa.Connection, version: RulesVersion) -> None:
    """Add a version; nothing changes where its name, or another version from the same moment, is stored already."""
    row = {
        "version": version.version,
        "rates": version.rates.model_dump(mode="json"),
        "first_used_at": version.first_used_at,
        "holds_from": version.holds_from,
    }
    insert_missing(connection, rules, [row])


def all_rules(connection: sa.Connection) -> list[RulesVersion]:
    """Return every version that was ever used, oldest first."""
    return [
        RulesVersion(
            version=row.version,
            rates=RatesConfig.model_validate(
                row.rates
            ),  # settings that an old version lacks have their defaults
            first_used_at=row.first_used_at,
            holds_from=row.holds_from,
        )
        for row in connection.execute(sa.select(rules).order_by(rules.c.holds_from))
    ]
