"""Where the configuration meets the store: what every command refuses, instead of a later one half-way.

``Workspace.open`` runs these checks, so that a command either begins with a configuration that fits what is stored, or
says at once which key does not, and what to do. They read a few rows, and import what a check needs where it applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError
from workspaces.grammar import counted
from workspaces.store.promises import next_rules
from workspaces.store.rubrics import all_rubrics, changed
from workspaces.store.rules import UnknownPaidPartError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.config import Config
    from workspaces.store import Store


def check_configuration(config: Config, store: Store, now: datetime) -> None:
    """Check that a configuration fits the store.

    Raises:
        ConfigurationError: it does not; the message has the first fault, and says how many more there are.
    """
    faults: list[str] = []
    with store.read() as connection:
        for check in _CHECKS:
            try:
                check(config, connection, now)
            except ConfigurationError as fault:
                faults.append(str(fault))
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ConfigurationError(f"{faults[0]}{more}")


def _rates(config: Config, connection: sa.Connection, now: datetime) -> None:
    try:
        next_rules(connection, config.rates, now)
    except UnknownPaidPartError:
        return  # a package is missing: what has nothing to do with points goes on, and settlement says so


def _rubrics(config: Config, connection: sa.Connection, _now: datetime) -> None:
    configured, stored = config.criteria(), all_rubrics(connection)
    for name in changed(configured, stored):
        now, before = [each.text for each in configured[name]], [each.text for each in stored[name]]
        place = next((it for it, (a, b) in enumerate(zip(now, before, strict=False)) if a != b), None)
        what = (
            f"has {counted(len(now), 'criterion')} instead of {len(before)}"
            if place is None
            else f"has as criterion {place + 1} now {now[place]!r} instead of {before[place]!r}"
        )
        raise ConfigurationError(
            f"rubrics.{name} {what}, and tasks ask about the criteria before: put the new ones under another name, "
            f"such as {name[:18]}_2, or set them back (weights may change)"
        )


def _demographics(config: Config, connection: sa.Connection, _now: datetime) -> None:
    if config.demographics.tables:
        from workspaces.privacy.declared_tables import check_tables
        from workspaces.store.snapshots import published_tables

        layers = published_tables(connection)
        for earlier in layers.values() or [set[tuple[str, ...]]()]:
            check_tables(config.demographics, earlier)


def _redaction(config: Config, _connection: sa.Connection, _now: datetime) -> None:
    if config.privacy.presidio:
        from workspaces.privacy.redaction.presidio import check_installed

        check_installed(config.privacy.presidio_model)


_CHECKS: tuple[Callable[[Config, sa.Connection, datetime], None], ...] = (
    _rates,
    _rubrics,
    _demographics,
    _redaction,
)
