"""The tables behind the figures of the lead's page, each with the command that prints the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.registry import PLATFORMS
from workspaces.store.seed_requests import failed_and_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chatfeedback.web.lead_figures import Figures

ROWS = 500
"""Rows that a page shows; the command has all."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its title, the command with the same figures, columns, rows in order, and the columns of numbers."""

    title: str
    command: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    numeric: frozenset[str]


def table_of(figures: Figures, name: str) -> Table | None:
    """Return a table by name; None if there is none."""
    make = TABLES.get(name)
    return make(figures) if make else None


def kinds(figures: Figures) -> Table:
    """Work done and open, by kind."""
    work, done = figures.work, figures.work.by_kind()
    rows = [
        (
            kind,
            work.tasks[kind],
            done[kind],
            work.open_tasks[kind],
            work.to_come[kind],
            work.open_points[kind],
        )
        for kind in sorted({*work.tasks, *done})
    ]
    return _table(
        "Work by kind",
        "chatfeedback status",
        "kind",
        ("tasks", "answers", "open tasks", "answers to come", "points of these at most"),
        [*rows, ("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))]
        if rows
        else [],
    )


def people(figures: Figures) -> Table:
    """Work done, by person."""
    by_kind: dict[str, dict[str, int]] = {}
    for (person_id, _, kind), count in figures.work.answers.items():
        theirs = by_kind.setdefault(person_id, {})
        theirs[kind] = theirs.get(kind, 0) + count
    names = sorted(figures.work.by_kind())
    rows = [
        (
            each.person_id,
            each.name or "",
            each.state.value,
            each.answers,
            *(by_kind.get(each.person_id, {}).get(kind, 0) for kind in names),
            each.held_answers,
            each.points,
        )
        for each in figures.people
    ]
    numeric = ("answers", *names, "that wait", "points")
    return Table(
        "Work by person",
        "chatfeedback people list --all",
        ("person", "name", "state", *numeric),
        rows,
        frozenset(numeric),
    )


def hours(figures: Figures) -> Table:
    """Answers per hour, the newest first."""
    rows = [
        (f"{hour:%Y-%m-%d %H:00}", count) for hour, count in sorted(figures.work.hours.items(), reverse=True)
    ]
    return _table(
        "Answers per hour (UTC)", "chatfeedback report", "hour of the last change", ("answers",), rows
    )


def agreement(figures: Figures) -> Table:
    """Agreement on each question, the newest report first."""
    rows = [
        (
            f"{each.snapshot_at:%Y-%m-%d %H:%M}",
            each.kind,
            each.question,
            _share(each.alpha),
            _share(each.low),
            _share(each.high),
            each.n_votes,
            each.n_items,
            each.n_voters,
        )
        for each in sorted(
            figures.agreement, key=lambda it: (-it.snapshot_at.timestamp(), it.kind, it.question)
        )
    ]
    numeric = ("alpha", "from", "to", "votes", "items", "voters")
    return Table(
        "Agreement, by report",
        "chatfeedback report",
        ("report", "kind", "question", *numeric),
        rows,
        frozenset(numeric),
    )


def confidence(figures: Figures) -> Table:
    """Each person's confidence in the last report, the lowest first."""
    names = {each.person_id: each.name for each in figures.people}
    rows = [
        (
            each.person_id,
            names[each.person_id] or "",
            _share(each.value),
            _share(each.low),
            _share(each.high),
            each.n_answers,
            _share(each.multiplier),
        )
        for each in sorted(figures.confidence.values(), key=lambda it: (it.value, it.person_id))
    ]
    numeric = ("confidence", "from", "to", "votes compared", "multiplier")
    return Table("Confidence", "chatfeedback report", ("person", "name", *numeric), rows, frozenset(numeric))


def days(figures: Figures) -> Table:
    """Points issued by day and kind, the newest first."""
    names = sorted({kind for kinds in figures.issued.values() for kind in kinds})
    rows = [
        (f"{day}", *(kinds.get(kind, 0) for kind in names), sum(kinds.values()))
        for day, kinds in sorted(figures.issued.items(), reverse=True)
    ]
    return _table("Points issued", "chatfeedback budget --days 365", "day", (*names, "all"), rows)


def money(figures: Figures) -> Table:
    """What models cost."""
    rows = [
        (
            each.purpose,
            each.model,
            f"{each.cost_micros / 1e6:,.4f} {each.currency}",
            each.requests,
            each.unpriced,
            each.input_tokens,
            each.output_tokens,
        )
        for each in figures.money
    ]
    numeric = ("cost", "requests", "without a price", "tokens in", "tokens out")
    return Table(
        "What models cost", "chatfeedback budget", ("purpose", "model", *numeric), rows, frozenset(numeric)
    )


def conversations(figures: Figures) -> Table:
    """Conversations by state."""
    rows = [(state.value, count) for state, count in sorted(figures.conversations.items())]
    return _table("Conversations", "chatfeedback status", "state", ("conversations",), rows)


def seeds(figures: Figures) -> Table:
    """Requests for seed feedback, by state."""
    rows: list[tuple[object, ...]] = [
        ("responses of shared conversations", figures.seeds.responses),
        ("of these, with seed feedback", figures.seeds.seeded),
        ("of these, without", figures.seeds.waiting),
    ]
    failed, waiting = failed_and_open(figures.requests)
    asked = sum(figures.requests.values())
    rows += [
        ("requests", asked),
        ("requests answered", asked - failed - waiting),
        ("requests without an answer yet", waiting),
        ("requests failed", failed),
    ]
    rows += [(f"requests: {state.value}", count) for state, count in sorted(figures.requests.items())]
    return _table("Seed feedback", "chatfeedback seed --dry-run", "", ("number",), rows)


def faults(figures: Figures) -> Table:
    """What went wrong with requests to judges."""
    rows = [(each.agent, each.state.value, each.fault, each.count) for each in figures.faults]
    return Table(
        "Errors of LLMs",
        "chatfeedback seed --failed",
        ("judge", "state", "fault", "requests"),
        rows,
        frozenset({"requests"}),
    )


def queue(figures: Figures) -> Table:
    """Where people have access, and what ran out."""
    ever, lately = figures.expired
    waiting: dict[str, int] = {}
    for each in figures.people:
        for platform, there in each.platforms.items():
            waiting[platform] = waiting.get(platform, 0) + (there.revoked_at is None)
    rows = [
        (f"people with access to {PLATFORMS[name].title if name in PLATFORMS else name}", count)
        for name, count in sorted(waiting.items())
    ]
    rows += [("tasks that nobody answered in time, within a day", lately), ("the same, ever", ever)]
    return _table("Queue", "chatfeedback route --dry-run", "", ("number",), rows)


TABLES: dict[str, Callable[[Figures], Table]] = {
    "kinds": kinds,
    "people": people,
    "hours": hours,
    "agreement": agreement,
    "confidence": confidence,
    "days": days,
    "money": money,
    "conversations": conversations,
    "seeds": seeds,
    "faults": faults,
    "queue": queue,
}
"""Each table by the name in its address."""


def _table(
    title: str, command: str, first: str, numeric: Sequence[str], rows: Iterable[Sequence[object]]
) -> Table:
    return Table(title, command, (first, *numeric), list(rows), frozenset(numeric))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")
