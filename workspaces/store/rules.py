"""Versions of the rates: what each said, when it was first used, and from when work is judged by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.config import RatesConfig
from workspaces.store.insert import insert_missing
from workspaces.store.tables import rules

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version of the rates. ``holds_from`` is when it replaced the one before it."""

    version: str
    rates: RatesConfig
    first_used_at: datetime
    holds_from: datetime


def save_rules(connection: sa.Connection, version: RulesVersion) -> None:
    """Add a version; nothing happens where its name, or another from the same moment on, stands there already."""
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
            rates=RatesConfig.model_validate(row.rates),  # what a version of old did not know has its default
            first_used_at=row.first_used_at,
            holds_from=row.holds_from,
        )
        for row in connection.execute(sa.select(rules).order_by(rules.c.holds_from))
    ]
