"""Requests to models: each is written before it is sent, and ends in one state, whatever happens to the run.

Requests for seed feedback, for labels and for counterparts have a table each, with these columns among others:
``request_id``, ``state``, ``fault``, ``reply``, ``created_at`` and ``updated_at``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_REPLY = 2_000
"""Characters that are kept of an unusable reply."""


class RequestState(StrEnum):
    """Where a request stands. The first four are asked again by the next run, the next two only on demand."""

    PENDING = "pending"
    """It was about to be sent, or was sent and nothing came of it: the run was stopped."""

    UNANSWERED = "unanswered"
    """No answer in all attempts: overload, a stall, a broken connection."""

    REPAIR = "repair"
    """A batch brought an unusable reply; the next request quotes it and asks to mend it."""

    SUBMITTED = "submitted"
    """It is in a batch, whose results are to come."""

    UNUSABLE = "unusable"
    """The reply was empty, cut off or of another form, nor was the repaired one usable."""

    REFUSED = "refused"
    """The endpoint refuses this text, by a content filter or as too long."""

    RECEIVED = "received"
    """The response is here, and not in the collection yet."""

    DONE = "done"
    """It was answered, and what was said is stored."""


FAILED = (RequestState.UNUSABLE, RequestState.REFUSED)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a request; ``reply`` is there where it was unusable."""

    request_id: str
    state: RequestState
    fault: str | None = None
    reply: str | None = None

    def columns(self) -> dict[str, object]:
        """Return what is written of it, by column."""
        return {
            "state": self.state.value,
            "fault": self.fault,
            "reply": None if self.reply is None else printable(self.reply),
        }


def printable(text: str) -> str:
    """Return the beginning of a text that a model wrote, without what could steer a terminal or break a database."""
    cut = text[:MAX_REPLY]
    shown = "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in cut
    )
    return shown + (f" [{len(text) - MAX_REPLY:,} more characters]" if len(text) > MAX_REPLY else "")


def pending(now: datetime) -> dict[str, object]:
    """Return the columns of a request that is about to be sent."""
    state = RequestState.PENDING.value
    return {"state": state, "fault": None, "reply": None, "created_at": now, "updated_at": now}


def write_ended(connection: sa.Connection, table: sa.Table, ended: Sequence[Ended], now: datetime) -> None:
    """Write what came of requests, all of one class; those that the table does not hold are passed over."""
    if ended:
        values = [{**each.columns(), "updated_at": now} for each in ended]
        rows = [
            {"b_id": each.request_id} | {f"b_{name}": value for name, value in row.items()}
            for each, row in zip(ended, values, strict=True)
        ]
        connection.execute(_ending(table, tuple(values[0])), rows)


@lru_cache(maxsize=16)
def _ending(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    values = {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in names}
    return sa.update(table).where(table.c.request_id == sa.bindparam("b_id")).values(values)


def states_by_id(
    connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]
) -> dict[str, RequestState]:
    """Return the state of each request that meets the conditions, by id."""
    query = sa.select(table.c.request_id, table.c.state).where(*conditions)
    return {name: RequestState(state) for name, state in connection.execute(query)}


def count_states(
    connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]
) -> dict[RequestState, int]:
    """Return how many requests that meet the conditions stand in each state; a state of none is left out."""
    query = sa.select(table.c.state, sa.func.count()).where(*conditions).group_by(table.c.state)
    return {RequestState(state): count for state, count in connection.execute(query)}
