"""How long does routing take, and how much does it store? 200 people and 50,000 tasks unless told otherwise.

    PYTHONPATH=. uv run python bench/routing.py             # the policy alone, and the whole of push and route
    PYTHONPATH=. uv run python bench/routing.py 20 1000

The policy decides on boards of three kinds: nothing answered; half of all places taken, each person having answered as
many; and everybody full, when nothing changes. Then a workspace with as many conversations and tasks is pushed and
routed with a platform in memory, so that what is measured is the workbench's part, and people answer and come back.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import sqlalchemy as sa

from chatfeedback import steps
from task_generators.routing import Board, Explanation, Offer, Reservation, Rules, Worker, decide
from tests.routed_platform import RoutedPlatform
from tests.sample_records import NOW, chat
from workspaces.chunks import in_chunks
from workspaces.records import Significance, Task, stable_id
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse
    from workspaces.records import PlacedTask

BATCH = 200
"""Tasks that Argilla takes at once."""

WEIGHTS = {Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
LEVELS = list(Significance)
OVERLAP, AHEAD, RESERVE = 3, 10, 50


class Batches(RoutedPlatform):
    """Takes tasks in batches, as Argilla does."""

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        for batch in in_chunks(contents, BATCH):
            yield [it for placed in super().push(form, batch, overlap, refuse) for it in placed]


def task_about(number: int) -> Task:
    return Task(
        id=stable_id("bench", str(number)),
        kind="qualitative",
        message_ids=(f"c{number}#1",),
        conversation_ids=(f"c{number}",),
        significance=LEVELS[number % 3],
        quote={"qualities": 4},
        rules_version="1",
        platform="argilla",
        overlap=OVERLAP,
        created_at=NOW,
    )


def board(people: int, count: int, answered: float) -> Board:
    """Return a board on which a share of all places is taken by answers of people drawn at random."""
    random = Random(7)
    tasks = {it.id: it for it in map(task_about, range(count))}
    names = [f"p{number:04}" for number in range(people)]
    had: dict[str, list[str]] = {name: [] for name in names}
    answers: dict[str, int] = {}
    for task_id in tasks:
        some = [name for name in random.sample(names, OVERLAP) if random.random() < answered]
        answers[task_id] = len(some)
        for name in some:
            had[name].append(task_id)
    offers = {
        task_id: Offer(it, answers[task_id], random.random(), WEIGHTS)
        for task_id, it in tasks.items()
        if answers[task_id] < OVERLAP
    }
    workers = {
        name: Worker(
            name,
            frozenset({"default"}),
            had=frozenset(some),
            answered=some,
            own=frozenset({f"c{random.randrange(count)}" for _ in range(5)}),
        )
        for name, some in had.items()
    }
    return Board(tasks, offers, workers)


def timed(what: str, run: Callable[[], object]) -> float:
    start, used = time.perf_counter(), time.process_time()
    run()
    seconds = time.perf_counter() - start
    print(f"{what:58} {seconds:8.2f} s  ({time.process_time() - used:.2f} s of processor)", flush=True)
    return seconds


def measure_policy(people: int, count: int) -> None:
    rules = Rules(AHEAD, RESERVE)
    for share in (0.0, 0.5, 0.9):
        some = board(people, count, share)
        timed(f"decide, {share:.0%} of the places answered", partial(decide, some, rules))
    decision = decide(some, rules)
    given = [Reservation(it.person_id, it.task_id, it.position) for it in decision.given]
    full = replace(some, reservations=given)
    timed("decide again: nothing changes", lambda: decide(full, rules))
    timed("why one person gets no more", lambda: Explanation(full, rules).person("p0000"))


def measure_steps(people: int, count: int) -> None:
    platform = Batches()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[Batches]:
        yield platform

    Workspace.platform = connected  # type: ignore[assignment, method-assign]
    configuration = (
        "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"
        f"routing: {{enabled: true, ahead: {AHEAD}, reserve: {RESERVE}}}\n"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "workspace", configuration) as workspace,
    ):
        logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(count)]
        timed(
            "append the conversations",
            lambda: workspace.collection.append(logs, now=NOW, delay=NOW - NOW),
        )
        workspace.collection.share_due(NOW)
        names = [f"p{number:04}" for number in range(people)]
        platform.members = set(names)
        with workspace.store.write() as connection:
            save_tasks(connection, [task_about(number) for number in range(count)])
            admit(connection, names, "argilla", MemberStatus.INVITED, datetime.now(UTC))
        timed("push: the first tasks stand there", lambda: steps.push_tasks(workspace))
        print(f"  {len(platform.contents):,} of {count:,} tasks placed")
        timed("route: everybody has tasks", lambda: steps.route_tasks(workspace))
        print(f"  {len(platform.given):,} assignments, {len(platform.contents):,} tasks placed")
        timed("route again: nothing changes", lambda: steps.route_tasks(workspace))
        rows(workspace)
        for name in names:
            for task_id in platform.queue(name)[: AHEAD // 2]:
                platform.answer(name, task_id)
        timed("sync: half of what waited is answered", lambda: steps.sync_answers(workspace))
        timed("route: the next ones", lambda: steps.route_tasks(workspace))
        for name in names[: people // 2]:
            platform.let_lapse(name)
        timed("route: half of all people let theirs lapse", lambda: steps.route_tasks(workspace))
        rows(workspace)


def rows(workspace: Workspace) -> None:
    with workspace.store.read() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM takeback")).scalar_one()
    print(f"  rows that routing keeps in the store: {count:,}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("people", nargs="?", type=int, default=200)
    parser.add_argument("tasks", nargs="?", type=int, default=50_000)
    wanted = parser.parse_args()
    measure_policy(wanted.people, wanted.tasks)
    measure_steps(wanted.people, wanted.tasks)


if __name__ == "__main__":
    main()
