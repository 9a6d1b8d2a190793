"""Puts tasks on their platforms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.withdraw import withdraw_from
from reward_engine import RuleBook
from reward_engine.overlap import limit
from task_generators.content import content_of
from workspaces.forms import Form
from workspaces.kinds import asked_kinds, kind_of
from workspaces.store.rules import all_rules
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.tasks import save_placements, unplaced_tasks
from workspaces.store.withdrawals import begin_push, end_push
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance
    from workspaces.records import SeedFeedback, Task
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Pushed:
    """Counts of tasks: those placed in this run, by platform and kind, and those that were not pushed.

    ``unshared`` tasks show a conversation that is no longer shared. ``without_seed`` tasks were made to show seed
    feedback that the store no longer holds; they are not pushed blind, as they belong to the share that shows the seed.
    """

    placed: dict[str, dict[str, int]] = field(default_factory=dict)
    unshared: int = 0
    without_seed: int = 0

    @property
    def any(self) -> bool:
        """Whether any task waited, also one that was not pushed."""
        return bool(self.placed or self.unshared or self.without_seed)

    @property
    def total(self) -> int:
        """The number of tasks placed in this run."""
        return sum(count for kinds in self.placed.values() for count in kinds.values())


def push_tasks(workspace: Workspace, *, advance: Advance = ignore) -> Pushed:
    """Push every task that has no placement to its platform.

    Raises:
        UnknownKindError: some are of a kind that no installed package declares; nothing is pushed to their platform.
    """
    result = Pushed()
    with workspace.exclusive():
        for name in workspace.config.platforms.names():
            with workspace.store.read() as connection:
                tasks = unplaced_tasks(connection, name)
                seeds = _shown_seeds(connection, tasks)
                book = RuleBook(all_rules(connection))
            if not tasks:
                continue
            for kind in sorted({task.kind for task in tasks}):
                kind_of(kind)
            conversations = workspace.collection.get(i for task in tasks for i in task.conversation_ids)
            shared = [task for task in tasks if all(i in conversations for i in task.conversation_ids)]
            ready = [task for task in shared if not task.seed_shown or task.id in seeds]
            result.unshared += len(tasks) - len(shared)
            result.without_seed += len(shared) - len(ready)
            with workspace.platform(name) as platform:
                platform.check()  # before anything is recorded: a push that cannot begin leaves no trace
                withdraw_from(workspace, platform)  # now: later it would remove tasks that are pushed again
                with workspace.store.write() as connection:
                    begin_push(connection, [task.id for task in ready])
                for kind, overlap, chosen in _alike(ready):
                    contents = (
                        content_of(task, conversations, seeds.get(task.id), limit(task, book))
                        for task in chosen
                    )
                    for placed in platform.push(Form.of(kind_of(kind)), contents, overlap):
                        with workspace.store.write() as connection:
                            save_placements(connection, placed, utc_now())
                            end_push(connection, [place.task_id for place in placed])
                        counts = result.placed.setdefault(name, {})
                        counts[kind] = counts.get(kind, 0) + len(placed)
                        advance(len(placed))
    return result


def _shown_seeds(connection: sa.Connection, tasks: Sequence[Task]) -> dict[str, SeedFeedback]:
    """Return the seed feedback that tasks were made to show, by task id; a task whose seed is gone is missing."""
    showing = [task for task in tasks if task.seed_shown]
    if not showing:
        return {}
    seeds = {(seed.message_id, seed.agent, seed.prompt_version): seed for seed in all_seeds(connection)}
    keys = {
        task.id: (task.message_ids[0], task.seed_agent or "", task.seed_prompt_version or "")
        for task in showing
    }
    return {task_id: seeds[key] for task_id, key in keys.items() if key in seeds}


def _alike(tasks: Sequence[Task]) -> Iterator[tuple[str, int, list[Task]]]:
    """Yield the tasks of each kind, with the overlap of the newest of them."""
    for kind in asked_kinds():
        if chosen := [task for task in tasks if task.kind == kind]:
            yield kind, chosen[-1].overlap, chosen
