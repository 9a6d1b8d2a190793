"""Records the rules in use, with their date, before they price or pay anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine import RuleBook
from workspaces.store.promises import anything_promised, next_rules
from workspaces.store.rules import all_rules, save_rules
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    import sqlalchemy as sa

    from workspaces.workspace import Workspace


def use_rules(workspace: Workspace) -> RuleBook:
    """Record the configuration's rates if they are a new version; return every version that was ever used.

    The first version is recorded only with the first promise (``keep_rules``): until then nobody counts on its
    numbers, and they may change under its name. The caller holds the lock of the workspace.

    Raises:
        ConfigurationError: the numbers were changed without their version.
    """
    rates = workspace.config.rates
    while True:
        with workspace.store.write() as connection:
            known = all_rules(connection)
            new = next_rules(connection, rates, utc_now())
            if new is None:
                return RuleBook(known)
            if not known and not anything_promised(connection, rates):
                return RuleBook([new])
            save_rules(connection, new)  # another machine may have recorded a version first: look again


def book_of(workspace: Workspace) -> RuleBook:
    """Return what ``use_rules`` does, and write nothing.

    Raises:
        ConfigurationError: the numbers were changed without their version.
    """
    with workspace.store.read() as connection:
        known = all_rules(connection)
        new = next_rules(connection, workspace.config.rates, utc_now())
    return RuleBook(known if new is None else [*known, new])


def keep_rules(connection: sa.Connection, book: RuleBook) -> None:
    """Record the versions of a book that are not recorded yet, in the transaction that makes a promise by them."""
    for version in book.versions:
        save_rules(connection, version)
