"""What replies of an endpoint cost, kept beside what they said."""

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
    """Keep nothing: the offline stand-ins cost nothing."""


@contextmanager
def metered(store: Store, purpose: str, priced: Priced, meter: Meter) -> Iterator[SaveSpending]:
    """Yield what keeps, in the transaction that keeps some replies, what all so far cost.

    It is kept at the end once more, however it ends: some replies could not be used, or not be stored.

    Args:
        store: where to.
        purpose: what is asked for, such as ``seed``.
        priced: the model, and its prices.
        meter: what counts the replies.
    """

    run_id = secrets.token_hex(12)

    def save(connection: sa.Connection) -> None:
        if (tokens := meter.total).requests:
            save_usage(connection, run_id, purpose, priced, tokens, utc_now())

    try:
        yield save
    finally:
        if meter.total.requests:
            with store.write() as connection:
                save(connection)
