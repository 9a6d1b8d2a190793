"""Versions of the rates: their content, when each was first used, and when it came into force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.config import RatesConfig
from workspaces.errors import WorkbenchError
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    return RatesConfig.model_validate({"beyond_overlap": "pay", **stored})
