"""Records the rules in use, with their date, before they price or pay anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine import RuleBook, next_version, tip
from workspaces.store.rules import all_rules, save_rules
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def use_rules(workspace: Workspace) -> RuleBook:
    """Record the configuration's rates if they are a new version; return every version that was ever used.

    The caller holds the lock of the workspace.

    Raises:
        ConfigurationError: the numbers were changed without their version.
    """
    with workspace.store.read() as connection:
        known = all_rules(connection)
        paid_before = tip(connection).sequence > 0
    rates = workspace.config.rates
    while (new := next_version(rates, known, utc_now(), paid_before=paid_before)) is not None:
        with workspace.store.write() as connection:
            save_rules(connection, new)
            known = all_rules(connection)  # another machine may have recorded a version first
    return RuleBook(known)
