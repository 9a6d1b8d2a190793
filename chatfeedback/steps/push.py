"""Puts tasks on their platforms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.withdraw import withdraw_from
from task_generators.content import content_of
from workspaces.forms import Form
from workspaces.kinds import asked_kinds, kind_of
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
    """Tasks placed now, by platform and kind. ``unshared`` ones show a conversation that is no longer shared."""

    placed: dict[str, dict[str, int]] = field(default_factory=dict)
    unshared: int = 0

    @property
    def total(self) -> int:
        """All tasks placed now."""
        return sum(count for kinds in self.placed.values() for count in kinds.values())


def push_tasks(workspace: Workspace, *, advance: Advance = ignore) -> Pushed:
    """Put every task that does not stand on its platform there."""
    result = Pushed()
    with workspace.exclusive():
        for name in workspace.config.platforms.names():
            with workspace.store.read() as connection:
                tasks = unplaced_tasks(connection, name)
                seeds = _shown_seeds(connection, tasks)
            if not tasks:
                continue
            conversations = workspace.collection.get(i for task in tasks for i in task.conversation_ids)
            ready = [task for task in tasks if all(i in conversations for i in task.conversation_ids)]
            result.unshared += len(tasks) - len(ready)
            with workspace.platform(name) as platform:
                platform.check()  # nothing is noted of a push that cannot begin
                withdraw_from(workspace, platform)  # or what is pushed again now would go with it later
                with workspace.store.write() as connection:
                    begin_push(connection, [task.id for task in ready])
                for kind, overlap, chosen in _alike(ready):
                    contents = (content_of(task, conversations, seeds.get(task.id)) for task in chosen)
                    for placed in platform.push(Form.of(kind_of(kind)), contents, overlap):
                        with workspace.store.write() as connection:
                            save_placements(connection, placed, utc_now())
                            end_push(connection, [place.task_id for place in placed])
                        counts = result.placed.setdefault(name, {})
                        counts[kind] = counts.get(kind, 0) + len(placed)
                        advance(len(placed))
    return result


def _shown_seeds(connection: sa.Connection, tasks: Sequence[Task]) -> dict[str, SeedFeedback]:
    """Return the seed feedback that tasks were made to show, by task id."""
    showing = [task for task in tasks if task.seed_shown]
    if not showing:
        return {}
    seeds = {(seed.message_id, seed.agent, seed.prompt_version): seed for seed in all_seeds(connection)}
    return {
        task.id: seeds[task.message_ids[0], task.seed_agent or "", task.seed_prompt_version or ""]
        for task in showing
    }


def _alike(tasks: Sequence[Task]) -> Iterator[tuple[str, int, list[Task]]]:
    """Yield the tasks of each kind, with the overlap that the newest of them asks for."""
    for kind in asked_kinds():
        if chosen := [task for task in tasks if task.kind == kind]:
            yield kind, chosen[-1].overlap, chosen
