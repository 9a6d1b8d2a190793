"""What was spent, what open tasks will cost, and what the lead's budget leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine import earned, posted
from reward_engine.accounts import TREASURY
from reward_engine.bonuses import ANSWER_BONUSES, SHARED_CHAT_LOG
from reward_engine.budget import Forecast, Taken, forecast, issued, most, remaining
from reward_engine.ledger import balances
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import latest_confidence
from workspaces.store.spending import Spent, spent
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import sqlalchemy as sa

    from reward_engine.settlement import Posted
    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """Where the budget stands, in Compute Points, and what LLM calls cost, in money.

    ``issued`` maps days to kinds to points. ``promised`` is what open tasks cost at most, ``left`` what
    ``points_total`` leaves beyond that and what was issued (None without a total). ``accepted_answers`` are answers
    that points are paid for; ``cost_per_accepted_answer`` maps currencies to money, empty without any.
    """

    points_per_day: int | None
    points_total: int | None
    issued_total: int
    issued: dict[date, dict[str, int]]
    open_tasks: int
    answers_to_come: int
    forecast: Forecast
    promised: int
    left: int | None
    days_over: tuple[date, ...]
    accepted_answers: int
    llm: tuple[Spent, ...]
    cost_per_accepted_answer: dict[str, float]


def budget_report(workspace: Workspace) -> BudgetReport:
    """Count what was issued, and forecast what the open tasks will cost."""
    limits = workspace.config.budget
    with workspace.store.read() as connection:
        by_day = issued(connection, workspace.config.rates.time_zone)
        tasks = all_tasks(connection)
        annotations = latest_annotations(connection)
        so_far = posted(connection)
        multipliers = {person: row.multiplier for person, row in latest_confidence(connection).items()}
        llm = spent(connection)
        total = -balances(connection).get(TREASURY, 0)
    answers = _paid_answers(so_far)
    left = remaining(tasks.values(), answers)
    cost: Counter[str] = Counter()
    for each in llm:
        cost[each.currency] += each.cost_micros
    accepted = sum(answers.values())
    promised = most(tasks, left)
    submitted = [each for each in annotations if each.status is AnnotationStatus.SUBMITTED]
    mean = sum(multipliers.get(each.person_id, 1.0) for each in submitted) / (len(submitted) or 1)
    limit = limits.points_per_day
    return BudgetReport(
        points_per_day=limit,
        points_total=limits.points_total,
        issued_total=total,
        issued=by_day,
        open_tasks=len(left),
        answers_to_come=sum(left.values()),
        forecast=forecast(tasks, left, _taken(tasks, submitted), mean if submitted else 1.0),
        promised=promised,
        left=None if limits.points_total is None else limits.points_total - total - promised,
        days_over=tuple(day for day, kinds in by_day.items() if limit and sum(kinds.values()) > limit),
        accepted_answers=accepted,
        llm=tuple(llm),
        cost_per_accepted_answer={it: micros / 1e6 / accepted for it, micros in cost.items() if accepted},
    )


def room(connection: sa.Connection, total: int | None, tasks: Mapping[str, Task]) -> int | None:
    """Return what a total leaves for promises to come: less what was issued and what open tasks can still cost.

    An answer that is not settled yet counts as still to come. None without a total.
    """
    if total is None:
        return None
    left = remaining(tasks.values(), _paid_answers(posted(connection)))
    return total + balances(connection).get(TREASURY, 0) - most(tasks, left)


def _paid_answers(so_far: Mapping[tuple[str, str, str], Posted]) -> Counter[str]:
    """Return how many people each task was paid to."""
    paid = {
        (person_id, task_id)
        for (person_id, task_id, part), it in so_far.items()
        if it.points > 0 and part not in ANSWER_BONUSES and part != SHARED_CHAT_LOG
    }
    return Counter(task_id for _, task_id in paid)


def _taken(tasks: Mapping[str, Task], submitted: Iterable[Annotation]) -> dict[tuple[str, str], Taken]:
    found: dict[tuple[str, str], Taken] = {}
    for annotation in submitted:
        task = tasks[annotation.task_id]
        for part, points in earned(dict.fromkeys(task.quote, 1), annotation).items():
            before = found.get((task.kind.value, part), Taken())
            found[task.kind.value, part] = Taken(before.earned + points, before.answers + 1)
    return found
