"""Points issued by day and kind, the expected cost of open tasks, and the rest of the lead's budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.accounts import TREASURY
from reward_engine.bonuses import ANSWER_BONUSES
from workspaces.store.ledger import ledger_entry, ledger_transaction
from workspaces.store.settlements import settlement, sharing_settlement
from workspaces.store.tasks import task
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from workspaces.records import Task

BONUSES = "bonuses"
OTHER = "other"
"""Points that leave the treasury for neither an answer nor a bonus, such as a lead's correction."""

_TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True)
class Forecast:
    """The points that open tasks will cost: the expectation, a 95 % interval (``low`` to ``high``) and the maximum."""

    expected: int
    low: int
    high: int
    most: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How often an offered part was earned so far: by ``earned`` of ``answers``."""

    earned: int = 0
    answers: int = 0


def issued(
    connection: sa.Connection, zone: str, after: int = 0, until: int | None = None
) -> dict[date, dict[str, int]]:
    """Return the points issued for the work of each day, by task kind, bonuses and other; oldest first.

    One time zone, ``zone``, sets the days of everybody. Points taken back are subtracted on the day of the correction.
    Only the transactions numbered above ``after`` and up to ``until`` count.
    """
    query = (
        sa.select(
            ledger_transaction.c.event_at,
            -ledger_entry.c.amount,
            settlement.c.part,
            task.c.kind,
            sharing_settlement.c.sequence,
        )
        .join(ledger_entry, ledger_entry.c.sequence == ledger_transaction.c.sequence)
        .outerjoin(settlement, settlement.c.sequence == ledger_transaction.c.sequence)
        .outerjoin(task, task.c.task_id == settlement.c.task_id)
        .outerjoin(sharing_settlement, sharing_settlement.c.sequence == ledger_transaction.c.sequence)
        .where(ledger_entry.c.account == TREASURY, ledger_transaction.c.sequence > after)
        .order_by(ledger_transaction.c.event_at)
    )
    if until is not None:
        query = query.where(ledger_transaction.c.sequence <= until)
    days: dict[date, Counter[str]] = {}
    clock = time_zone(zone)
    for moment, points, part, kind, shared in connection.execute(query):
        what = BONUSES if part in ANSWER_BONUSES or shared is not None else kind or OTHER
        days.setdefault(moment.astimezone(clock).date(), Counter())[what] += points
    return {day: dict(sorted(kinds.items())) for day, kinds in days.items()}


def most(tasks: Mapping[str, Task], left: Mapping[str, int]) -> int:
    """Return what open tasks cost if every answer they still need earns the full quote."""
    return sum(tasks[task_id].points * count for task_id, count in left.items())


def within(
    tasks: Sequence[Task], room: int | None, wanted: Callable[[Task], int] | None = None
) -> list[Task]:
    """Return the first tasks that ``room`` points pay in full, up to the first that they do not; None: all tasks.

    ``wanted`` returns how many answers to a task can be paid; None: its overlap.
    """
    if room is None:
        return list(tasks)
    kept: list[Task] = []
    for item in tasks:
        room -= item.points * (item.overlap if wanted is None else wanted(item))
        if room < 0:
            break
        kept.append(item)
    return kept


def forecast(
    tasks: Mapping[str, Task],
    left: Mapping[str, int],
    taken: Mapping[tuple[str, str], Taken],
    multiplier: float,
) -> Forecast:
    """Return what open tasks will cost if each gets the answers it needs. Pure; bonuses and caps are left out.

    For a part of a kind, ``k`` of ``n`` answers so far earned the offer. Each future answer earns it with the same
    unknown probability, whose posterior is Beta(k + 1/2, n - k + 1/2) (Jeffreys' prior). The points are then
    beta-binomial: with ``m`` and ``v`` the mean and variance of the Beta, ``S`` the sum of offers and ``Q`` the sum of
    their squares over the future answers, the mean is ``m S`` and the variance ``v S^2 + (m (1 - m) - v) Q``. Parts are
    added as if they were independent. The interval is the mean plus and minus 1.96 standard deviations, clipped to 0
    and the maximum. A part without any answer so far counts in full in the expectation and as 0 in ``low``.

    Args:
        tasks: by id.
        left: answers still needed, by task id.
        taken: how often parts were earned so far, by (kind, part).
        multiplier: the mean confidence multiplier of answers.

    Source: Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions, 6.9 (beta-binomial).
    """
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for task_id, count in left.items():
        for part, points in tasks[task_id].quote.items():
            key = (tasks[task_id].kind, part)
            total, squares = sums.get(key, (0, 0))
            sums[key] = (total + points * count, squares + points * points * count)
    mean = variance = unknown = 0.0
    for key, (total, squares) in sums.items():
        so_far = taken.get(key, Taken())
        if so_far.answers == 0:
            unknown += total
            continue
        a, b = so_far.earned + 0.5, so_far.answers - so_far.earned + 0.5
        share = a / (a + b)
        spread = a * b / ((a + b) ** 2 * (a + b + 1))
        mean += share * total
        variance += spread * total * total + (share * (1 - share) - spread) * squares
    top = sum(total for total, _ in sums.values())
    margin = _TWO_SIDED_95 * sqrt(variance)
    return Forecast(
        expected=round(multiplier * (mean + unknown)),
        low=round(multiplier * max(0.0, mean - margin)),
        high=round(min(float(top), multiplier * (mean + margin + unknown))),
        most=top,
    )
