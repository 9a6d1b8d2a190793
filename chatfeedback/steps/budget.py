"""Points and money spent, the expected cost of open tasks, and the rest of the lead's budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import accepted, answers_that_count, offered, open_tasks
from chatfeedback.steps.rewrite_votes import moot_tasks
from chatfeedback.steps.settle import grants_now
from reward_engine import RuleBook, earned
from reward_engine.accounts import TREASURY
from reward_engine.budget import Forecast, Taken, forecast, issued, most
from reward_engine.ledger import balances
from reward_engine.overlap import payable, remaining
from reward_engine.settlement import corrections, kept_places
from workspaces.store.confidences import latest_confidence
from workspaces.store.deletions import forgotten_people
from workspaces.store.members import OUTSIDE, members
from workspaces.store.rules import all_rules
from workspaces.store.spending import Spent, spent
from workspaces.store.standing import standing
from workspaces.store.withdrawals import closed_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date

    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """The state of the budget, in Compute Points, and the cost of LLM calls, in money.

    ``issued`` maps days to kinds to points; ``unsettled`` are points earned and not issued yet, ``waiting`` those that
    vest when items are settled. ``promised`` is what tasks can still cost at most, whoever may answer; ``left`` is
    ``points_total`` minus all four (None without a total). ``open_tasks``, ``answers_to_come`` and
    ``accepted_answers`` are those of ``Counts``; ``cost_per_accepted_answer`` maps currencies to money and is empty
    without such answers or costs. ``llm`` holds every metered use of a model, including moderation.
    """

    points_per_day: int | None
    points_total: int | None
    issued_total: int
    issued: dict[date, dict[str, int]]
    unsettled: int
    waiting: int
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
    """Sum up the points issued, and forecast the cost of the open tasks."""
    limits = workspace.config.budget
    with workspace.store.read() as connection:
        by_day = issued(connection, workspace.config.rates.time_zone)
        tasks = offered(connection)
        moot = moot_tasks(connection, tasks.values(), workspace.config.quality.own)
        left = open_tasks(connection, tasks, standing(connection), moot)
        submitted = answers_that_count(connection, tasks)
        multipliers = {person: row.multiplier for person, row in latest_confidence(connection).items()}
        llm = spent(connection)
    answers = accepted(tasks, submitted)
    commitments = _commitments(workspace, tasks, answers)
    cost: Counter[str] = Counter()
    for usage in llm:
        cost[usage.currency] += usage.cost_micros
    mean = sum(multipliers.get(answer.person_id, 1.0) for answer in submitted) / (len(submitted) or 1)
    limit = limits.points_per_day
    return BudgetReport(
        points_per_day=limit,
        points_total=limits.points_total,
        issued_total=commitments.issued,
        issued=by_day,
        unsettled=commitments.unsettled,
        waiting=commitments.waiting,
        open_tasks=len(left),
        answers_to_come=sum(left.values()),
        forecast=forecast(tasks, left, _taken(tasks, submitted), mean if submitted else 1.0),
        promised=commitments.promised,
        left=None if limits.points_total is None else limits.points_total - commitments.total,
        days_over=tuple(day for day, kinds in by_day.items() if limit and sum(kinds.values()) > limit),
        accepted_answers=len(answers),
        llm=tuple(llm),
        cost_per_accepted_answer={
            currency: micros / 1e6 / len(answers) for currency, micros in cost.items() if answers and micros
        },
    )


def points_left(workspace: Workspace) -> int | None:
    """Return how many points of ``budget.points_total`` are left for new quotes; None without a total."""
    total = workspace.config.budget.points_total
    if total is None:
        return None
    with workspace.store.read() as connection:
        tasks = offered(connection)
        submitted = answers_that_count(connection, tasks)
    return total - _commitments(workspace, tasks, accepted(tasks, submitted)).total


def payable_people(workspace: Workspace, book: RuleBook) -> Callable[[Task], int]:
    """Return a function that tells how many people can come to be paid for a task."""
    with workspace.store.read() as connection:
        people = Counter(
            member.platform
            for member in members(connection)
            if member.status not in OUTSIDE and member.revoked_at is None
        )
    return lambda task: payable(task, book, people)


@dataclass(frozen=True, slots=True)
class _Commitments:
    issued: int
    unsettled: int
    waiting: int
    promised: int

    @property
    def total(self) -> int:
        return self.issued + self.unsettled + self.waiting + self.promised


def _commitments(
    workspace: Workspace, tasks: Mapping[str, Task], answers: Collection[tuple[str, str]]
) -> _Commitments:
    with workspace.store.read() as connection:
        book = RuleBook(all_rules(connection))
        paid = -balances(connection).get(TREASURY, 0)
        closed = closed_everywhere(connection)
        forgotten = forgotten_people(connection)
    granted, so_far = grants_now(workspace, book)
    unsettled = sum(correction.delta for correction in corrections(granted, so_far))
    waiting = sum(grant.waiting for grant in granted)
    had = Counter(task_id for _, task_id in {*answers, *kept_places(so_far, forgotten)})
    may_come = [task for task in tasks.values() if task.id not in closed]
    left = remaining(may_come, had, payable_people(workspace, book))
    return _Commitments(paid, unsettled, waiting, most(tasks, left))


def _taken(tasks: Mapping[str, Task], submitted: Iterable[Annotation]) -> dict[tuple[str, str], Taken]:
    taken: dict[tuple[str, str], Taken] = {}
    for annotation in submitted:
        task = tasks[annotation.task_id]
        for part, points in earned(
            task.kind, dict.fromkeys(task.quote, 1), annotation, responses=len(task.message_ids)
        ).items():
            before = taken.get((task.kind, part), Taken())
            taken[task.kind, part] = Taken(before.earned + points, before.answers + 1)
    return taken
