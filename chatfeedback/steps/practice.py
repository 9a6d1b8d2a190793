"""How far people are with their practice tasks, by what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import without_own_checks
from task_generators.routing import Practice, Stage
from workspaces.store.gold import all_gold
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import second_answers
from workspaces.store.tasks import all_tasks
from workspaces.store.who_answered import first_submissions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from workspaces.config import Config
    from workspaces.records import Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Practised:
    """How far one person is: ``right`` is the mean share of right answers in ``tasks`` practice tasks, 0 to 1."""

    stage: Stage
    tasks: int
    right: float | None


def practice_of(config: Config) -> Practice | None:
    """Return the lead's rule; None: nobody has to qualify."""
    rule = config.routing.qualification
    return None if rule is None else Practice(rule.items, rule.correct, rule.limit)


def practised(workspace: Workspace) -> dict[str, Practised]:
    """Return how far everybody is who answered a practice task; nobody where nobody has to qualify."""
    rule = practice_of(workspace.config)
    if rule is None:
        return {}
    with workspace.store.read() as connection:
        tasks, gold = all_tasks(connection), all_gold(connection)
        results = practice_results_of(connection, gold, tasks)
    return {
        person_id: Practised(rule.stage(some), len(some), sum(some) / len(some))
        for person_id, some in results.items()
    }


def practice_results_of(
    connection: sa.Connection, gold: Mapping[str, Mapping[str, str]], tasks: Mapping[str, Task]
) -> dict[str, Sequence[float]]:
    """Return the share of right answers of each person in each gold task, as the answers were first submitted.

    A second answer of one human (``second_answers``) tells nothing: they knew the task.
    """
    from quality.controls import practice_results  # pandas takes a second to import

    if not gold:
        return {}
    answers, _ = without_own_checks(latest_annotations(connection), second_answers(connection))
    shares = practice_results(answers, gold, tasks)
    found: dict[str, list[float]] = {}
    first = first_submissions(connection)
    for person_id, task_id in sorted(shares, key=lambda pair: (first[pair], pair)):
        found.setdefault(person_id, []).append(shares[person_id, task_id])
    return dict(found)
