"""The balances of all accounts, for pages that are open: read once, then only what was posted since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine.ledger import Tip, balances, balances_after, has, tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.store.database import Store


class Balances:
    """Follows the ledger of a store. One thread at a time reads; each mapping that it returns stays as it is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tip = Tip(0, "")
        self._balances: Mapping[str, int] = {}

    def read(self) -> Mapping[str, int]:
        """Return the balance of each account that has entries; the cost grows with what was posted since."""
        with self._store.read() as connection:
            newest = tip(connection)
            if newest == self._tip:
                return self._balances
            if has(connection, self._tip):
                found = {**self._balances, **balances_after(connection, self._tip.sequence)}
            else:  # the first time, or the store was restored
                found = balances(connection)
        self._tip, self._balances = newest, found
        return found
