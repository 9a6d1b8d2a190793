"""Closes tasks that want no more answers while their platform still asks for some.

Their answers settle them before all that were asked came; or somebody who answered was forgotten, whose answer counts
here and is gone there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.assignments import routes
from reward_engine import RuleBook
from reward_engine.overlap import limit
from workspaces.chunks import in_chunks
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import annotation_revision
from workspaces.store.deletions import forgotten_people
from workspaces.store.gold import all_gold
from workspaces.store.latest_annotations import annotation_of, stream_annotations
from workspaces.store.posteriors import posteriors
from workspaces.store.rewrites import for_nothing
from workspaces.store.rules import all_rules
from workspaces.store.tasks import all_tasks, close_tasks, tasks_of
from workspaces.store.who_answered import placed_tasks_of
from workspaces.store.withdrawals import begin_withdrawal
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from quality.closing import Wanted
    from workspaces.config import Config
    from workspaces.records import Task
    from workspaces.workspace import Workspace


def close_settled(workspace: Workspace) -> int:
    """Close the tasks that their answers settle, by the last figures, and mark them to be taken off their platforms.

    Returns how many there are. A closed task stays closed, and is pushed no more. The caller holds the lock of the
    workspace.
    """
    if all(mix.adaptive is None for mix in workspace.config.all_mixes().values()):
        return 0
    from quality.closing import settled

    wanted_of = what_is_wanted(workspace.config)
    with workspace.store.read() as connection:
        gold = all_gold(connection)
        tasks = [
            task
            for task in all_tasks(connection).values()
            if wanted_of(task) is not None and not is_practice(task, gold)
        ]
        found = settled(tasks, posteriors(connection), wanted_of) if tasks else []
    with workspace.store.write() as connection:
        close_tasks(connection, found, utc_now())
        begin_withdrawal(connection, found, forget=False)
    return len(found)


def close_full(workspace: Workspace, platform: str) -> int:
    """Close the tasks on a platform that have all their answers, one of a forgotten person's among them.

    That answer is deleted there, so that the platform offers the task to one person more than are paid. Closed, it
    is marked to be taken off. Where people are given tasks of their own, or all who answer are paid, nothing closes.
    Returns how many there are. The caller holds the lock of the workspace.
    """
    if routes(workspace, platform):
        return 0
    with workspace.store.read() as connection:
        book = RuleBook(all_rules(connection))
        ids = placed_tasks_of(connection, forgotten_people(connection), platform)
        tasks = {name: it for name, it in tasks_of(connection, ids).items() if limit(it, book) is not None}
        aside = for_nothing(connection, tasks) if tasks else frozenset()
        people: dict[str, set[str]] = {}
        for some in in_chunks(tasks):
            for row in stream_annotations(connection, of=annotation_revision.c.task_id.in_(some)):
                answer = annotation_of(row)
                if (
                    answer.status is AnnotationStatus.SUBMITTED
                    and (answer.person_id, answer.task_id) not in aside
                ):
                    people.setdefault(answer.task_id, set()).add(answer.person_id)
    full = sorted(name for name, answered in people.items() if len(answered) >= tasks[name].overlap)
    if full:
        with workspace.store.write() as connection:
            close_tasks(connection, full, utc_now())
            begin_withdrawal(connection, full, forget=False)
    return len(full)


def is_practice(task: Task, gold: Container[str]) -> bool:
    """Return whether a task has a known answer of its own: people practise on it, however many did before them."""
    return task.id in gold and task.reask_of is None


def what_is_wanted(config: Config) -> Callable[[Task], Wanted | None]:
    """Return a function that tells what the mix of a task wants of its answers; None: that as many come as asked."""
    from quality.closing import Wanted

    wanted = {
        name: Wanted(mix.adaptive.as_good_as, mix.adaptive.sure)
        for name, mix in config.all_mixes().items()
        if mix.adaptive is not None
    }
    return lambda task: wanted.get(task.mix)
