"""Points issued, by day and kind; what the open tasks may still cost; what is left of the lead's budget."""

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
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from workspaces.records import Task

BONUSES = "bonuses"
OTHER = "other"
"""What moves from the treasury for no answer and no bonus, such as a lead's correction."""

_TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True)
class Forecast:
    """Points that open tasks will cost: expected, a range that holds it 95 times of 100, and the most it can be."""

    expected: int
    low: int
    high: int
    most: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How an offered part was taken so far: ``earned`` of ``answers``."""

    earned: int = 0
    answers: int = 0


def issued(connection: sa.Connection, zone: str) -> dict[date, dict[str, int]]:
    """Return the points issued for the work of each day, by task kind, bonuses and other; oldest first.

    Days are told by one time zone for everybody here. What was taken back is subtracted on the day it came about.
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
        .where(ledger_entry.c.account == TREASURY)
        .order_by(ledger_transaction.c.event_at)
    )
    days: dict[date, Counter[str]] = {}
    clock = time_zone(zone)
    for moment, points, part, kind, shared in connection.execute(query):
        what = BONUSES if part in ANSWER_BONUSES or shared is not None else kind or OTHER
        days.setdefault(moment.astimezone(clock).date(), Counter())[what] += points
    return {day: dict(sorted(kinds.items())) for day, kinds in days.items()}


def remaining(tasks: Iterable[Task], answers: Mapping[str, int]) -> dict[str, int]:
    """Return how many answers each open task still asks for, by id; ``answers`` counts those it has."""
    left = {task.id: task.overlap - answers.get(task.id, 0) for task in tasks}
    return {task_id: count for task_id, count in left.items() if count > 0}


def most(tasks: Mapping[str, Task], left: Mapping[str, int]) -> int:
    """Return what open tasks cost when every answer they ask for earns all that is offered."""
    return sum(tasks[task_id].points * count for task_id, count in left.items())


def within(tasks: Sequence[Task], room: int | None) -> list[Task]:
    """Return the first tasks that so many points pay in full, up to the one that they do not; all when None."""
    if room is None:
        return list(tasks)
    kept: list[Task] = []
    for item in tasks:
        room -= item.points * item.overlap
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
    """Return what open tasks will cost, if each gets the answers it asks for. Pure; bonuses and caps are left out.

    Of every kind's part, ``k`` of ``n`` answers so far earned what was offered. Each answer to come earns it with
    the same unknown probability, of which we know a Beta(k + 1/2, n - k + 1/2) (Jeffreys' prior). The points are
    then beta-binomial: with ``m`` and ``v`` the mean and variance of the Beta, ``S`` the sum of offers and ``Q`` the
    sum of their squares over the answers to come, the mean is ``m S`` and the variance
    ``v S^2 + (m (1 - m) - v) Q``. Parts are added as if independent; the range is the mean and 1.96 standard
    deviations to both sides, within 0 and the most. A part nobody has been asked for yet is expected to be taken
    in full, and may not be at all.

    Args:
        tasks: by id.
        left: answers still asked for, by task id.
        taken: how parts were taken so far, by (kind, part).
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
