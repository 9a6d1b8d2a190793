"""Saves the cost of an endpoint's replies together with the replies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.spending import save_usage
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.llm.meter import Meter
    from workspaces.store import Store
    from workspaces.store.spending import Priced

SaveSpending = Callable[[sa.Connection], None]


def no_spending(_: sa.Connection) -> None:
    """Save nothing: the offline stand-ins cost nothing."""


@contextmanager
def metered(store: Store, purpose: str, priced: Priced, meter: Meter) -> Iterator[SaveSpending]:
    """Yield a function that saves the cost of all replies so far; call it in the transaction that saves some replies.

    The cost is saved once more when the block ends, also after an error, to include replies that were not usable or
    could not be stored.

    Args:
        store: where the cost is saved.
        purpose: the purpose of the requests, such as ``seed``.
        priced: the model and its prices.
        meter: counts the tokens of the replies.
    """

    run_id = secrets.token_hex(12)

    def save(connection: sa.Connection) -> None:
        if (tokens := meter.total).requests or meter.charged:
            save_usage(connection, run_id, purpose, priced, tokens, utc_now(), meter.charged)

    try:
        yield save
    finally:
        if meter.total.requests or meter.charged:
            with store.write() as connection:
                save(connection)
