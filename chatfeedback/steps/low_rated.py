"""Which responses were rated low: by people, by seed feedback, or by whichever of both says something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.answers import without_own, without_own_checks
from task_generators.counterparts.requests import is_low
from task_generators.seed_feedback.judges import united
from workspaces.store.annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rewrites import own_checks
from workspaces.store.seed_feedback import SeedIndex, all_seeds
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workspaces.config import LLMConfig
    from workspaces.records import Message, SeedFeedback
    from workspaces.workspace import Workspace


def low_rated(workspace: Workspace, llm: LLMConfig) -> Callable[[Message], bool]:
    """Return what tells whether a response was rated low, as ``llm.counterparts`` says."""
    rules = llm.counterparts
    labels = {} if rules.rated_by == "seed" else _labels(workspace)
    seeds: Mapping[str, SeedFeedback] = {}
    if rules.rated_by != "people":
        judges = [judge.model for judge in llm.each_judge()]
        with workspace.store.read() as connection:
            seeds = (
                united(all_seeds(connection), judges)
                if len(judges) > 1
                else SeedIndex(connection, *judges[:1])
            )

    def is_rated_low(message: Message) -> bool:
        if message.id in labels:
            return not labels[message.id]
        seed = seeds.get(message.id)
        return seed is not None and is_low(seed, rules.low)

    return is_rated_low


def _labels(workspace: Workspace) -> dict[str, bool]:
    """Return whether people want each response that they decided about, as training sets have it."""
    from exports import Weights, contexts_of
    from exports.completions import completion_labels

    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        judged, _ = without_own_checks(latest_annotations(connection), own_checks(connection, tasks))
        counted, _ = without_own(judged, own_answers(connection), workspace.config.quality.own)
    about = {name for it in counted for name in tasks[it.task_id].conversation_ids}
    contexts = contexts_of(workspace.collection.get(sorted(about)).values())
    labels = completion_labels(tasks, counted, contexts, Weights())
    return {name: row.label for row in labels.rows for name in row.completion.message_ids}
